import assert from "node:assert/strict";
import type { Person } from "./person.ts";
import { buildPicture } from "./picture.ts";
import { runStory } from "./story.ts";

const STARTS_MAX = 6;
const START_MS = 10_000;

/** The other device puts its keys into the backup after a while; who was too early for that looks again. */
async function seesOrStartsAgain(person: Person, words: string): Promise<void> {
  for (let starts = 0; starts < STARTS_MAX; starts += 1) {
    const isThere = await person.page.getByText(words).first().waitFor({ timeout: START_MS }).then(() => true, () => false);
    if (isThere) return;
    await person.page.reload();
  }
  await person.sees(words);
}

/** Two people, then three: all that a chat is for, then a second device, a server that dies, and two accounts in one browser. */
await runStory(async (stage) => {
  const anna = await stage.newPerson("anna");
  await anna.signUp(stage.base + stage.setupLink.slice(stage.setupLink.indexOf("/#")));
  const badr = await stage.newPerson("badr", { language: "ar" });
  await badr.signUp(stage.invitationLink());
  await badr.startChat("anna");
  await badr.write("السلام عليكم");
  await anna.openChat("badr");
  await anna.accept();
  await anna.sees("السلام عليكم");
  await badr.seesTicks("السلام عليكم", "read");

  stage.say("replying, editing, reacting, deleting");
  await anna.choose("السلام عليكم", "chat.reply");
  await anna.write("Welcome, Bader!");
  await badr.message("Welcome, Bader!").getByText("السلام عليكم").waitFor();
  await anna.choose("Welcome, Bader!", "chat.edit");
  await anna.write("Welcome, Badr!");
  await badr.message("Welcome, Badr!").getByText(badr.text("chat.edited")).waitFor();
  await badr.message("Welcome, Badr!").getByText("Welcome").click({ button: "right" });
  await badr.click(badr.page.getByRole("menuitem", { name: badr.text("chat.react_with", { emoji: "❤️" }) }));
  await anna.message("Welcome, Badr!").getByRole("button", { name: "❤️" }).waitFor();
  await badr.write("oops");
  await anna.sees("oops");
  await badr.choose("oops", "chat.delete");
  await badr.pressButton("delete.for_everyone");
  await anna.sees(anna.text("chat.deleted"));
  await anna.message("oops").waitFor({ state: "detached" });

  stage.say("a photo and a voice note");
  await anna.page.locator("[data-attach=media]").setInputFiles({ name: "pigeon.png", mimeType: "image/png", buffer: buildPicture(320, 240, "at home") });
  await anna.pressButton("media.send", anna.page.getByRole("dialog"));
  const photo = badr.page.locator("main img[src^='blob:']").first();
  await photo.waitFor();
  assert.ok(await photo.evaluate((image: HTMLImageElement) => image.decode().then(() => image.naturalWidth > 0)));
  await badr.pressButton("composer.record");
  await badr.page.waitForTimeout(1500);
  await badr.pressButton("media.send");
  await anna.page.getByRole("button", { name: anna.text("media.play") }).waitFor();

  stage.say("a poll");
  await anna.pressButton("composer.attach");
  await anna.click(anna.page.getByRole("menuitem", { name: anna.text("composer.attach_poll") }));
  const poll = anna.page.getByRole("dialog");
  await poll.getByLabel(anna.text("poll.question")).fill("When do we fly?");
  await poll.getByPlaceholder(anna.text("poll.answer", { number: "1" })).fill("At dawn");
  await poll.getByPlaceholder(anna.text("poll.answer", { number: "2" })).fill("At dusk");
  await anna.pressButton("composer.send", poll);
  await badr.click(badr.page.getByRole("radio", { name: "At dawn" }));
  await anna.page.getByText(anna.text("poll.votes_one", { count: "1" })).waitFor();

  stage.say("a second device reads what was written before it");
  const tablet = await stage.newPerson("anna-tablet");
  await tablet.logIn("anna");
  await tablet.restore(anna.recoveryKey);
  await tablet.openChat("badr");
  await seesOrStartsAgain(tablet, "السلام عليكم");
  await tablet.sees("Welcome, Badr!");

  stage.say("the server dies; what is written waits, and arrives once and in order");
  for (const person of stage.persons) person.mayBeOffline = true;
  await stage.server("kill");
  for (const number of [1, 2, 3]) await anna.write(`while it is away ${number}`);
  await anna.seesTicks("while it is away 3", "waiting");
  await anna.page.reload();
  await anna.openChat("badr");
  await anna.sees("while it is away 3");
  await stage.server("start");
  await anna.write("and back again");
  await badr.sees("and back again");
  const arrived = await badr.page.locator("main [data-key]").allInnerTexts();
  const told = arrived.map((text) => /while it is away \d|and back again/.exec(text)?.[0]).filter((text) => text !== undefined);
  assert.deepEqual(told, ["while it is away 1", "while it is away 2", "while it is away 3", "and back again"]);

  stage.say("a group of three");
  const carla = await stage.newPerson("carla", { width: 360, height: 740 });
  await carla.signUp(stage.invitationLink());
  await anna.startGroup("Pigeon fanciers", ["badr", "carla"]);
  await anna.write("Here we all are");
  for (const person of [badr, carla]) {
    await person.openChat("Pigeon fanciers");
    await person.accept();
    await person.sees("Here we all are");
  }
  await carla.write("Hello from a phone");
  await anna.sees("Hello from a phone");
  await badr.sees("Hello from a phone");

  stage.say("two accounts in one browser");
  await carla.goTo("#/login");
  await carla.logIn("anna");
  await carla.restore(anna.recoveryKey);
  await carla.openChat("badr");
  await carla.sees("and back again");
});
