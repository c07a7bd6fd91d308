import assert from "node:assert/strict";
import type { Person } from "./person.ts";
import { runStory } from "./story.ts";

const step = (person: Person, name: string) => person.page.locator(`[data-verification-step="${name}"]`);
const press = (person: Person, what: string) => person.click(person.page.locator(`[data-verify="${what}"]`));

async function readEmoji(person: Person): Promise<readonly string[]> {
  await step(person, "emoji").waitFor();
  return await step(person, "emoji").getByRole("listitem").locator("[aria-hidden]").allTextContents();
}

/** From the question to the same pictures on both sides. */
async function compare(asking: Person, asked: Person): Promise<void> {
  await press(asked, "accept");
  await step(asking, "choose").waitFor();
  await press(asking, "emoji");
  const [mine, theirs] = await Promise.all([readEmoji(asking), readEmoji(asked)]);
  assert.equal(mine.length, 7);
  assert.deepEqual(mine, theirs);
}

/** The one who was asked scans the code of the other. */
async function scan(asking: Person, asked: Person): Promise<void> {
  await press(asked, "accept");
  const code = await asking.page.getByRole("img", { name: asking.text("verify.qr_label") }).screenshot();
  await asked.pressButton("verify.scan");
  await step(asked, "choose").locator("input[type=file]").setInputFiles({ name: "code.png", mimeType: "image/png", buffer: code });
  await step(asking, "scanned").waitFor();
  await finish([asking], [asking, asked]);
}

async function finish(confirming: readonly Person[], all = confirming): Promise<void> {
  for (const person of confirming) await press(person, "confirm");
  for (const person of all) {
    await step(person, "done").waitFor();
    await press(person, "close");
  }
}

/** Two people compare emoji, and scan a code; a mismatch is told; a second device is confirmed by the first and reads the old messages. */
await runStory(async (stage) => {
  const anna = await stage.newPerson("anna");
  const badr = await stage.newPerson("badr", { language: "ar" });
  await anna.signUp(stage.invitationLink());
  await badr.signUp(stage.invitationLink());
  await anna.startChat("badr");
  await anna.write("Let us compare keys");
  await badr.openChat("anna");
  await badr.accept();
  await badr.sees("Let us compare keys");

  await anna.click(anna.page.locator(`main header button[title="${anna.text("chat.info")}"]`).first());
  await anna.sees(anna.text("trust.known_means"));
  await anna.click(anna.page.locator('[data-person="verify"]'));
  await compare(anna, badr);
  await press(badr, "mismatch");
  await anna.sees(anna.text("verify.ended_mismatch_title"));
  await badr.sees(badr.text("verify.ended_mismatch_title"));
  await press(anna, "close");
  await press(badr, "close");

  await anna.click(anna.page.locator('[data-person="verify"]'));
  await compare(anna, badr);
  await finish([anna, badr]);
  await anna.page.getByRole("img", { name: anna.text("trust.verified") }).first().waitFor();
  await badr.page.getByRole("img", { name: badr.text("trust.verified") }).first().waitFor();

  await anna.click(anna.page.locator('[data-person="verify"]'));
  await scan(anna, badr);
  // What is over is not asked again when the app opens anew.
  await badr.page.waitForTimeout(1_500);
  await badr.page.reload();
  await badr.page.locator("[data-room]").first().waitFor();
  await badr.page.waitForTimeout(2_000);
  assert.equal(await badr.page.locator("[data-verification-request]").count(), 0);

  const tablet = await stage.newPerson("anna-tablet", { width: 360, height: 740 });
  await tablet.logIn("anna");
  await tablet.sees(tablet.text("arrive.restoreTitle"));
  await tablet.pressButton("arrive.verifyInstead");
  await compare(tablet, anna);
  await finish([anna, tablet]);
  await tablet.atHome();
  await tablet.openChat("badr");
  await tablet.sees("Let us compare keys");
});
