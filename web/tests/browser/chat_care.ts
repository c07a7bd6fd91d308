import assert from "node:assert/strict";
import type { Person } from "./person.ts";
import { runStory } from "./story.ts";

const PIN = "4711";

async function openInfo(person: Person): Promise<void> {
  await person.click(person.page.locator("main header button").filter({ has: person.page.locator("h1") }).first());
  await person.page.locator("[data-info-page]").waitFor();
}

async function enterPin(person: Person, confirm: string): Promise<void> {
  await person.fill("pin", PIN);
  await person.pressButton(confirm);
}

/** A disk that fails for one chat: what the page asks of that chat's history throws. */
async function breakDisk(person: Person, roomId: string): Promise<void> {
  await person.page.evaluate((broken) => {
    const { openCursor } = IDBObjectStore.prototype;
    IDBObjectStore.prototype.openCursor = function open(this: IDBObjectStore, query, direction) {
      const room = query instanceof IDBKeyRange && Array.isArray(query.lower) ? (query.lower as unknown[])[0] : undefined;
      if (room === (window as { brokenRoom?: string }).brokenRoom) throw new DOMException("The disk is broken", "UnknownError");
      return openCursor.call(this, query, direction);
    };
    (window as { brokenRoom?: string }).brokenRoom = broken;
  }, roomId);
}

/** Making a group and writing at once, all threads, muting for a while, a chat behind the PIN, and one that fails. */
await runStory(async (stage) => {
  const anna = await stage.newPerson("anna");
  await anna.signUp(`${stage.base}/#/register`);
  const badr = await stage.newPerson("badr", { language: "ar", width: 360, height: 740 });
  await badr.signUp(`${stage.base}/#/register`);
  await badr.startChat("anna");
  await badr.write("first words");
  await anna.openChat("badr");
  await anna.accept();
  await anna.sees("first words");
  const direct = (await anna.page.locator("main[data-chat]").getAttribute("data-chat")) ?? "";

  stage.say("what is typed right after making a group is said in the group");
  await anna.pressButton("new_chat.title_people");
  const dialog = anna.page.getByRole("dialog");
  await anna.pressButton("new_chat.title_group", dialog);
  await dialog.getByLabel(anna.text("new_chat.name"), { exact: true }).fill("Loft");
  await anna.pressButton("ui.create", dialog);
  await dialog.waitFor({ state: "detached" });
  await anna.page.waitForFunction(() => document.activeElement?.matches("main textarea"));
  await anna.page.keyboard.type("typed at once");
  await anna.press("Enter");
  await anna.message("typed at once").waitFor();
  await anna.page.locator("main h1").filter({ hasText: "Loft" }).waitFor();
  assert.equal(await anna.page.locator("[data-room]").filter({ hasText: anna.text("chats.draft") }).count(), 0);

  stage.say("all threads, from the chat's menu and from its information");
  await anna.openChat("badr");
  await anna.choose("first words", "chat.reply_in_thread");
  await anna.page.locator("aside textarea").fill("an answer in the thread");
  await anna.press("Enter");
  await anna.pressButton("thread.close");
  await anna.pressButton("ui.more", anna.page.locator("main header"));
  await anna.click(anna.page.getByRole("menuitem", { name: anna.text("thread.all") }));
  const listed = anna.page.locator("[data-thread]").filter({ hasText: "first words" }).filter({ hasText: "an answer in the thread" });
  await anna.click(listed.filter({ hasText: anna.text("thread.answers_one", { count: "1" }) }));
  await anna.page.locator("aside textarea").waitFor();
  await anna.pressButton("thread.back");
  await listed.waitFor();
  await anna.pressButton("ui.close", anna.page.locator("aside"));
  await openInfo(badr);
  await badr.click(badr.page.locator("[data-info=threads]"));
  await badr.click(badr.page.locator("[data-thread]").filter({ hasText: "an answer in the thread" }));
  await badr.page.locator("main textarea").waitFor();

  stage.say("mute for eight hours, and on again");
  await openInfo(anna);
  const mute = anna.page.locator("[data-info=mute]");
  await mute.selectOption("8_hours");
  await anna.page.locator(`[data-room="${direct}"] .lucide-bell-off`).waitFor();
  await anna.page.waitForFunction(() => document.querySelector<HTMLSelectElement>("[data-info=mute]")?.value === "until");
  await mute.selectOption("on");
  await anna.page.locator(`[data-room="${direct}"] .lucide-bell-off`).waitFor({ state: "detached" });

  stage.say("behind the PIN");
  const lock = anna.page.locator("[data-info=private]").getByRole("switch");
  await anna.click(lock);
  await anna.fill("new-pin", PIN);
  await anna.fill("new-pin-again", PIN);
  await anna.pressButton("ui.save", dialog);
  await anna.page.locator("[data-hidden-chat]").waitFor();
  await anna.sees(anna.text("info.private_on"));
  await anna.pressButton("ui.back");
  await anna.page.locator('[data-private="show"]').waitFor();
  assert.equal(await anna.page.locator(`[data-room="${direct}"]`).count(), 0);
  await anna.page.getByRole("searchbox").first().fill("first words");
  await anna.sees(anna.text("search.nothing"));
  // Nor do screen readers find there what they read out before.
  assert.equal(await anna.page.getByText("first words").count(), 0);
  await anna.page.getByRole("searchbox").first().fill("");
  await anna.click(anna.page.locator('[data-private="show"]'));
  await enterPin(anna, "settings.hidden_show");
  await anna.click(anna.page.locator(`[data-room="${direct}"]`));
  await anna.sees("first words");
  await anna.click(anna.page.locator('[data-private="hide"]'));
  await anna.page.locator("[data-hidden-chat]").waitFor();
  await enterPin(anna, "settings.hidden_show");
  await anna.sees("first words");
  await openInfo(anna);
  await anna.click(lock);
  await anna.page.locator("[data-private]").waitFor({ state: "detached" });
  assert.equal(await anna.page.locator(`[data-room="${direct}"]`).count(), 1);

  stage.say("a chat that fails says so, the others work, and it is tried again");
  await anna.openChat("Loft");
  await anna.sees("typed at once");
  // Begun anew there, so that the other chat was not read yet.
  await anna.page.reload();
  await enterPin(anna, "settings.unlock");
  await anna.message("typed at once").waitFor();
  await anna.page.locator(`[data-room="${direct}"]`).waitFor();
  await breakDisk(anna, direct);
  await anna.click(anna.page.locator(`[data-room="${direct}"]`));
  const alert = anna.page.locator("main [role=alert]").filter({ hasText: "The disk is broken" });
  await alert.waitFor();
  await anna.pressButton("chat.show_again", alert);
  await alert.waitFor();
  await anna.openChat("Loft");
  await anna.sees("typed at once");
  await anna.page.evaluate(() => { delete (window as { brokenRoom?: string }).brokenRoom; });
  await anna.click(anna.page.locator(`[data-room="${direct}"]`));
  await anna.pressButton("chat.show_again", alert);
  await alert.waitFor({ state: "detached" });
  await anna.sees("first words");
});
