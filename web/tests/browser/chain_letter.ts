import assert from "node:assert/strict";
import type { Person } from "./person.ts";
import { buildPicture } from "./picture.ts";
import { runStory } from "./story.ts";

const CHAIN = "Warning to all: the messenger will be switched off tonight for everybody who does not send this message to eight people before midnight";

/** Writes what reads like a chain letter, which is asked about once. */
async function pass(person: Person, text: string): Promise<void> {
  await person.write(text);
  await person.pressButton("forward.confirm_send", person.page.getByRole("dialog", { name: person.text("forward.confirm_title") }));
}

/** Opens the forward dialog of the newest message with these words. */
async function openForward(person: Person, words: string | RegExp): Promise<void> {
  await person.choose(words, "chat.forward");
  await person.page.getByRole("dialog").getByRole("checkbox").first().waitFor();
}

function target(person: Person, name: string) {
  return person.page.getByRole("dialog").locator("label").filter({ hasText: name }).getByRole("checkbox");
}

/** A chain letter among three people: forwarded and copied it climbs the ladder and stops; its author's own words never do. */
await runStory(async (stage) => {
  const anna = await stage.newPerson("anna");
  await anna.signUp(stage.base + stage.setupLink.slice(stage.setupLink.indexOf("/#")));
  const badr = await stage.newPerson("badr", { language: "ar" });
  await badr.signUp(stage.invitationLink());
  const dina = await stage.newPerson("dina");
  await dina.signUp(stage.invitationLink());
  for (const friend of [anna, dina]) {
    await badr.startChat(friend.name);
    await badr.page.getByRole("main", { name: new RegExp(friend.name) }).waitFor();
    await badr.write(`مرحبا ${friend.name}`);
    await friend.openChat("badr");
    await friend.accept();
  }

  stage.say("forwarded once");
  await pass(anna, CHAIN);
  await badr.openChat("anna");
  await badr.sees(CHAIN);
  assert.equal(await badr.message(CHAIN).getByText(badr.text("chat.forwarded")).count(), 0, "a person's own words are no forward");
  await openForward(badr, CHAIN);
  await target(badr, "dina").check();
  await badr.pressButton("forward.send_one", badr.page.getByRole("dialog"));
  await badr.pressButton("forward.confirm_send", badr.page.getByRole("dialog", { name: badr.text("forward.confirm_title") }));
  await dina.message(CHAIN).getByText(dina.text("chat.forwarded"), { exact: true }).waitFor();

  stage.say("copied, changed and pasted");
  await pass(dina, `Please read!! ${CHAIN}`);
  await badr.openChat("dina");
  await badr.message("Please read").getByText(badr.text("chat.forwarded_many")).waitFor();

  stage.say("the ladder holds: three chats, of these one group");
  for (const group of ["الأسرة", "الجيران", "العمل"]) await badr.startGroup(group, []);
  await badr.openChat("dina");
  await openForward(badr, /Please read/);
  const dialog = badr.page.getByRole("dialog");
  await dialog.getByText(badr.text("forward.left_two")).waitFor();
  await target(badr, "الأسرة").check();
  assert.ok(await target(badr, "الجيران").isDisabled(), "a second group may be chosen");
  await target(badr, "anna").check();
  await badr.pressButton("forward.send_two", dialog);
  await badr.pressButton("forward.confirm_send", badr.page.getByRole("dialog", { name: badr.text("forward.confirm_title") }));
  await anna.message("Please read").getByText(anna.text("chat.forwarded_many")).waitFor();

  stage.say("pasted into a further group it is refused, and after a new start too");
  await badr.openChat("الجيران");
  await badr.write(`${CHAIN} !!!`);
  await badr.sees(badr.text("forward.none_left"));
  await badr.sees(badr.text("forward.free_at").slice(0, 12));
  assert.equal(await badr.page.locator("main [data-key]").filter({ hasText: CHAIN }).count(), 0, "it went out");
  await badr.page.waitForTimeout(1_500);
  await badr.page.reload();
  await badr.atHome();
  await badr.openChat("العمل");
  await badr.write(CHAIN);
  await badr.sees(badr.text("forward.none_left"));

  stage.say("her own words go as far as she likes, even after they came back");
  for (const group of ["one", "two", "three", "four", "five", "six"]) {
    await anna.startGroup(group, []);
    await anna.page.getByRole("main", { name: new RegExp(group) }).waitFor();
    await pass(anna, CHAIN);
    await anna.message(CHAIN).waitFor();
    assert.equal(await anna.message(CHAIN).getByText(/Forwarded/).count(), 0);
  }

  stage.say("a picture is known by its bytes");
  await anna.openChat("badr");
  const picture = { name: "pigeon.png", mimeType: "image/png", buffer: buildPicture(320, 240, "send to eight") };
  await anna.page.locator("[data-attach=media]").setInputFiles(picture);
  // Untouched, so that what arrives is what he has below.
  await anna.click(anna.page.getByRole("switch", { name: anna.text("media.compress") }));
  await anna.pressButton("media.send", anna.page.getByRole("dialog"));
  await badr.openChat("anna");
  await badr.page.locator("main img[src^='blob:']").first().waitFor();
  await badr.openChat("dina");
  // What he saw is noted when the page is idle.
  await badr.page.waitForTimeout(2_000);
  await badr.page.locator("[data-attach=media]").setInputFiles(picture);
  await badr.pressButton("media.send", badr.page.getByRole("dialog"));
  await dina.page.locator("main img[src^='blob:']").first().waitFor();
  const shown = dina.page.locator("main [data-key]").filter({ has: dina.page.locator("img[src^='blob:']") }).last();
  await shown.getByText(dina.text("chat.forwarded"), { exact: true }).waitFor();
});
