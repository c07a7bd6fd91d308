import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { buildDawn, buildPicture } from "./picture.ts";
import type { Person } from "./person.ts";
import type { Stage } from "./story.ts";

export interface Cast {
  /** Through whose eyes the screens are seen. */
  readonly anna: Person;
  readonly badr: Person;
  readonly layla: Person;
}

export const CHATS = { direct: "badr", group: "Pigeon fanciers", channel: "أخبار المدينة", community: "Old Town", request: "layla" } as const;

/** People and chats of every kind, in both languages, made as people make them: what screens are looked at with. */
export async function gatherCast(stage: Stage): Promise<Cast> {
  const anna = await stage.newPerson("anna", { bypassPolicy: true });
  await anna.signUp(stage.base + stage.setupLink.slice(stage.setupLink.indexOf("/#")));
  const [badr, layla] = await Promise.all([stage.newPerson("badr", { language: "ar" }), stage.newPerson("layla")]);
  const links = [stage.invitationLink(), stage.invitationLink()];
  await Promise.all([badr.signUp(links[0]!), layla.signUp(links[1]!)]);
  stage.say("a chat with messages of all kinds");
  await badr.startChat("anna");
  await badr.write("السلام عليكم يا آنا! هل وصلت الحمامة؟");
  await anna.openChat("badr");
  await anna.accept();
  await anna.sees("السلام عليكم");
  await anna.choose(/السلام عليكم/, "chat.reply");
  await anna.write("Yes, at **dawn** — with your letter. She flew 320 km in 5 hours.");
  await anna.write("See the [route](https://example.org/route), and try `zajil serve`:\n- rest first\n- then water");
  await badr.sees("rest first");
  await badr.message(/at dawn/).getByText("dawn").click({ button: "right" });
  await badr.click(badr.page.getByRole("menuitem", { name: badr.text("chat.react_with", { emoji: "❤️" }) }));
  await sendOthers(anna, badr);
  stage.say("a group, a channel, a community, a request");
  await anna.startGroup(CHATS.group, ["badr", "layla"]);
  await anna.write("Who joins the flight on Friday?");
  await make(badr, "channel", CHATS.channel, ["anna"]);
  await badr.write("افتُتح برج الحمام الجديد عند الجسر القديم.");
  await anna.openChat(CHATS.channel);
  await anna.pressButton("invite.accept"); // readers of a channel have no field to write in
  await anna.sees("برج الحمام الجديد");
  await make(anna, "community", CHATS.community, []);
  await badr.openChat(CHATS.group);
  await badr.accept();
  await badr.write("أنا! وسآتي بالقهوة ☕");
  await badr.write(`خريطة الطريق:\n\n${await serveLinked()}`);
  await anna.page.locator("[data-room]").filter({ hasText: "خريطة الطريق" }).first().waitFor();
  await keepAndAnswer(anna, badr);
  await makeSticker(anna);
  await layla.startChat("anna");
  await layla.write("Hello Anna, we met at the tower.");
  await anna.page.locator("[data-room]").filter({ hasText: CHATS.request }).first().waitFor();
  return { anna, badr, layla };
}

/** A page that a message links to, for as long as this process lives. */
async function serveLinked(): Promise<string> {
  const head = { "og:title": "برج الحمام القديم – The old dovecote", "og:description": "The way from the bridge to the tower, 40 minutes on foot, with water for the birds at the second mile.", "og:image": "/tower.png" };
  const page = `<!doctype html><html><head><title>The old dovecote</title>${Object.entries(head).map(([name, content]) => `<meta property="${name}" content="${content}">`).join("")}</head><body></body></html>`;
  const server = createServer((request, response) => {
    if (request.url === "/tower.png") response.writeHead(200, { "content-type": "image/png" }).end(buildDawn(480, 480));
    else response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(page);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  server.unref();
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/the-way-to-the-tower`;
}

/** A message that is starred and pinned, with a thread under it. */
async function keepAndAnswer(anna: Person, badr: Person): Promise<void> {
  const asked = "Who joins the flight on Friday?";
  await badr.choose(asked, "chat.reply_in_thread");
  await badr.page.locator("aside textarea").fill("Layla too, I think.");
  await badr.press("Enter");
  await anna.openChat(CHATS.group);
  await anna.message(asked).getByText(anna.text("thread.answers_one", { count: "1" })).waitFor();
  await anna.choose(asked, "chat.star");
  await anna.message(asked).locator(".lucide-star").first().waitFor();
  await anna.choose(asked, "chat.pin");
  await anna.page.locator("main button").filter({ hasText: anna.text("pinned.one") }).waitFor();
}

async function sendOthers(anna: Person, badr: Person): Promise<void> {
  await anna.page.locator("[data-attach=media]").setInputFiles({ name: "dawn.png", mimeType: "image/png", buffer: buildDawn(640, 420) });
  await anna.pressButton("media.send", anna.page.getByRole("dialog"));
  await anna.page.getByRole("dialog").waitFor({ state: "detached" });
  await anna.page.locator("[data-attach=file]").setInputFiles({ name: "رسالة الحمامة.txt", mimeType: "text/plain", buffer: Buffer.from("to the tower") });
  await anna.pressButton("media.send", anna.page.getByRole("dialog"));
  await badr.page.locator("main img[src^='blob:']").first().waitFor();
  await badr.pressButton("composer.record");
  // Until there is something in it.
  await badr.page.getByRole("timer").getByText(/[1-9١-٩]/).waitFor();
  await badr.pressButton("media.send");
  await anna.page.getByRole("button", { name: anna.text("media.play") }).first().waitFor();
  await anna.pressButton("composer.attach");
  await anna.click(anna.page.getByRole("menuitem", { name: anna.text("composer.attach_poll") }));
  const poll = anna.page.getByRole("dialog");
  await poll.getByLabel(anna.text("poll.question")).fill("When do we fly?");
  await poll.getByPlaceholder(anna.text("poll.answer", { number: "1" })).fill("At dawn");
  await poll.getByPlaceholder(anna.text("poll.answer", { number: "2" })).fill("At dusk");
  await anna.pressButton("composer.send", poll);
  await badr.click(badr.page.getByRole("radio", { name: "At dawn" }));
  await badr.write("oops");
  await anna.sees("oops");
  await badr.choose("oops", "chat.delete");
  await badr.pressButton("delete.for_everyone");
  await anna.sees(anna.text("chat.deleted"));
  await badr.write("👍");
}

/** A sticker of one's own; it is offered, not sent. */
async function makeSticker(anna: Person): Promise<void> {
  await anna.openChat(CHATS.direct);
  await anna.pressButton("composer.emoji");
  await anna.click(anna.page.getByRole("tab", { name: anna.text("stickers.title") }));
  await anna.pressButton("stickers.make");
  const dialog = anna.page.getByRole("dialog");
  await dialog.locator("input[type=file]").setInputFiles({ name: "pigeon.png", mimeType: "image/png", buffer: buildPicture(128, 128, "sticker") });
  await dialog.getByLabel(anna.text("stickers.name"), { exact: true }).fill("حمامة");
  await anna.pressButton("stickers.add", dialog);
  await dialog.getByRole("list", { name: anna.text("stickers.in_pack") }).getByText("حمامة").waitFor();
  await anna.pressButton("stickers.done", dialog);
  await dialog.waitFor({ state: "detached" });
}

async function make(person: Person, kind: "channel" | "community", name: string, invited: readonly string[]): Promise<void> {
  await person.pressButton("new_chat.title_people");
  const dialog = person.page.getByRole("dialog");
  await person.pressButton(`new_chat.title_${kind}`, dialog);
  await dialog.getByLabel(person.text("new_chat.name"), { exact: true }).fill(name);
  for (const each of invited) {
    await dialog.getByLabel(person.text("people.search")).fill(each);
    await person.click(dialog.getByRole("list", { name: person.text("people.found") }).getByRole("button").filter({ hasText: each }).first());
  }
  await person.pressButton("ui.create", dialog);
  await dialog.waitFor({ state: "detached" });
}
