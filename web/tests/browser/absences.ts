import assert from "node:assert/strict";
import type { Person } from "./person.ts";
import { runStory } from "./story.ts";

/** What the chat of a person shows, in order, of messages that look like this. */
async function arrived(person: Person, pattern: RegExp): Promise<readonly string[]> {
  const texts = await person.page.locator("main [data-key]").allInnerTexts();
  return texts.map((text) => pattern.exec(text)?.[0]).filter((text) => text !== undefined);
}

/** Without a network, a page that dies in the middle of sending, messages that disappear, an account that changes. */
await runStory(async (stage) => {
  const anna = await stage.newPerson("anna");
  await anna.signUp(stage.base + stage.setupLink.slice(stage.setupLink.indexOf("/#")));
  const badr = await stage.newPerson("badr", { language: "ar" });
  await badr.signUp(stage.invitationLink());
  await anna.startChat("badr");
  await anna.write("hello");
  await badr.openChat("anna");
  await badr.accept();
  await badr.sees("hello");

  stage.say("a train in a tunnel");
  anna.mayBeOffline = true;
  await anna.context.setOffline(true);
  for (const number of [1, 2, 3]) await anna.write(`in the tunnel ${number}`);
  await anna.seesTicks("in the tunnel 3", "waiting");
  await anna.context.setOffline(false);
  await badr.sees("in the tunnel 3");
  assert.deepEqual(await arrived(badr, /in the tunnel \d/), [1, 2, 3].map((number) => `in the tunnel ${number}`));

  stage.say("the page dies in the middle of sending, and is opened again");
  for (let number = 1; number <= 12; number += 1) {
    await anna.composer().fill(`and then ${number} of 12`);
    await anna.page.keyboard.press("Enter");
  }
  // What is shown is on the disk. Whatever of it is still on its way then must not get lost.
  await anna.sees("and then 12 of 12");
  // No farewell: the browser ends the page's process.
  const dying = await anna.context.newCDPSession(anna.page);
  const crashed = anna.page.waitForEvent("crash");
  void dying.send("Page.crash").catch(() => undefined); // has no answer
  await crashed;
  anna.moveTo(await anna.context.newPage());
  await anna.goTo("#/");
  await anna.openChat("badr");
  await badr.sees("and then 12 of 12");
  await anna.write("back");
  await badr.sees("back");
  const expected = Array.from({ length: 12 }, (_, index) => `and then ${index + 1} of 12`);
  assert.deepEqual(await arrived(badr, /and then \d+ of 12/), expected);
  assert.deepEqual(await arrived(anna, /and then \d+ of 12/), expected);

  stage.say("a message that disappears at both sides");
  await anna.click(anna.page.locator("main header").getByRole("button", { name: anna.text("ui.more"), exact: true }));
  await anna.page.getByRole("menuitem", { name: anna.text("disappear.title") }).press("ArrowRight");
  // By keys: a pointer that passes beside the inner menu closes it.
  const half = anna.page.getByRole("menuitemcheckbox").nth(1);
  await half.waitFor();
  await half.press("Enter");
  await anna.page.locator("main header").getByText("30").first().waitFor();
  await anna.write("gone in half a minute");
  await badr.sees("gone in half a minute");
  const seenAt = Date.now();
  for (const person of [anna, badr]) await person.message("gone in half a minute").waitFor({ state: "detached", timeout: 45_000 });
  assert.ok(Date.now() - seenAt > 20_000, "it went too soon");
  await badr.page.reload();
  await badr.openChat("anna");
  await badr.sees("back");
  assert.equal(await badr.page.getByText("gone in half a minute").count(), 0);

  stage.say("a second account, and back with one click");
  const code = new URL(stage.invitationLink().replace("#/", "")).searchParams.get("token") ?? "";
  await badr.goTo(`#/register?token=${code}`);
  await badr.fill("username", "badr2");
  await badr.fill("password", "four random words here");
  await badr.submit();
  await badr.saveRecoveryKey();
  await badr.click(badr.page.locator("button[aria-haspopup=menu]").first());
  await badr.click(badr.page.getByRole("menuitem", { name: "@badr:localhost" }));
  await badr.openChat("anna");
  await badr.sees("back");
  await badr.write("still me");
  await anna.sees("still me");
});
