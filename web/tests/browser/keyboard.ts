import assert from "node:assert/strict";
import type { Locator } from "playwright-core";
import type { Person } from "./person.ts";
import { runStory } from "./story.ts";

const TABS_MAX = 60;

/**
 * What has the focus, in words, and whether eyes can see that it has it: an outline around it or around the field's frame. Between
 * the last stop and the first the browser has it.
 */
async function readFocus({ page }: Person): Promise<{ readonly words: string; readonly isSeen: boolean }> {
  return await page.evaluate(() => {
    const element = document.activeElement ?? document.body;
    const isMarked = (each: Element | null): boolean => each !== null && getComputedStyle(each).outlineStyle !== "none" && Number.parseFloat(getComputedStyle(each).outlineWidth) > 0;
    const words = `${element.tagName.toLowerCase()} ${element.getAttribute("aria-label") ?? element.getAttribute("name") ?? element.textContent.slice(0, 60)}`;
    return { words, isSeen: element === document.body || (isMarked(element) || (element.matches("input, textarea") && [1, 2, 3].some((up) => { let each: Element | null = element; for (let at = 0; at < up; at += 1) each = each?.parentElement ?? null; return isMarked(each); }))) };
  });
}

async function hasFocus(target: Locator): Promise<boolean> {
  return await target.first().evaluate((element) => element === document.activeElement).catch(() => false);
}

async function awaitFocus(person: Person, target: Locator, why: string): Promise<void> {
  await target.first().waitFor();
  const handle = await target.first().elementHandle();
  await person.page.waitForFunction((element) => element === document.activeElement, handle).catch(async (error: unknown) => { throw new Error(`${why}: the focus is at ${(await readFocus(person)).words}`, { cause: error }); });
}

/** Presses Tab until the target has the focus; on the way no stop may be invisible. */
async function tabTo(person: Person, target: Locator, key = "Tab"): Promise<void> {
  await target.first().waitFor();
  const stops: string[] = [];
  for (let pressed = 0; pressed < TABS_MAX && !(await hasFocus(target)); pressed += 1) {
    await person.page.keyboard.press(key);
    const { words, isSeen } = await readFocus(person);
    stops.push(words);
    assert.ok(isSeen, `nobody sees that this has the focus: ${words}`);
  }
  assert.ok(await hasFocus(target), `not reached by ${key}: ${stops.join(", ")}`);
}

async function type(person: Person, text: string): Promise<void> {
  await person.page.keyboard.type(text);
}

const named = (person: Person, role: "button" | "menuitem", key: string) => person.page.getByRole(role, { name: person.text(key), exact: true });

async function signUpByKeys(person: Person, link: string): Promise<void> {
  await person.goTo(link);
  await tabTo(person, person.field("username"));
  await type(person, person.name);
  await tabTo(person, person.field("password"));
  await type(person, "four random words here");
  await person.press("Enter");
  const save = person.page.locator("[data-save-key]");
  await awaitFocus(person, save, "the key is saved with Enter");
  const download = person.page.waitForEvent("download");
  await person.press("Enter");
  await download;
  await person.atHome();
}

/** Opens the menu of the button and what its entry opens, and leaves it with Escape: the focus is where it was. */
async function openAndLeave(person: Person, button: Locator, entry: string): Promise<void> {
  await tabTo(person, button, "Shift+Tab");
  await person.press("Enter");
  const item = named(person, "menuitem", entry);
  await item.waitFor();
  for (let pressed = 0; pressed < TABS_MAX && !(await hasFocus(item)); pressed += 1) await person.press("ArrowDown");
  await person.press("Enter");
  const dialog = person.page.getByRole("dialog");
  await dialog.waitFor();
  await person.page.waitForFunction(() => document.activeElement?.closest("[role=dialog]") !== null);
  await person.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await awaitFocus(person, button, `after ${entry}`);
}

/** A person without a mouse: from the link to a chat, and about in it. Whoever looks at no screen is told what arrives. */
await runStory(async (stage) => {
  const anna = await stage.newPerson("anna");
  const badr = await stage.newPerson("badr", { language: "ar" });
  await signUpByKeys(anna, stage.invitationLink());
  await badr.signUp(stage.invitationLink());

  stage.say("a chat, from nothing");
  await tabTo(anna, named(anna, "button", "new_chat.title_people"));
  await anna.press("Enter");
  await awaitFocus(anna, anna.page.getByRole("dialog").getByRole("textbox"), "one begins to write at once");
  await type(anna, "badr");
  await tabTo(anna, anna.page.getByRole("dialog").getByRole("listitem").getByRole("button").filter({ hasText: "badr" }));
  await anna.press("Enter");
  await awaitFocus(anna, anna.composer(), "in a new chat one begins to write at once");
  await type(anna, "written without a mouse");
  await anna.press("Enter");
  await badr.openChat("anna");
  await badr.accept();
  await badr.sees("written without a mouse");

  stage.say("what arrives is said");
  await badr.write("سمعتك");
  await anna.page.locator("[data-live-region]").filter({ hasText: "سمعتك" }).waitFor({ state: "attached" });

  stage.say("the last message again, and one's way among them");
  await awaitFocus(anna, anna.composer(), "after sending one goes on writing");
  await anna.press("ArrowUp");
  await anna.page.waitForFunction(() => document.querySelector<HTMLTextAreaElement>("main textarea")?.value === "written without a mouse");
  await type(anna, ", mended");
  await anna.press("Enter");
  await badr.sees("written without a mouse, mended");
  const answered = anna.page.locator("main [data-key]").filter({ hasText: "سمعتك" });
  const own = anna.page.locator("main [data-key]").filter({ hasText: "mended" });
  await tabTo(anna, answered, "Shift+Tab");
  await anna.press("ArrowUp");
  await awaitFocus(anna, own, "up to the message before");
  await anna.press("ArrowDown");
  await awaitFocus(anna, answered, "and down again");
  await anna.press("Enter");
  await anna.page.getByRole("menu").waitFor();
  await anna.press("Escape");
  await anna.page.getByRole("menu").waitFor({ state: "detached" });
  await awaitFocus(anna, answered, "after its menu");
  await anna.press("r");
  await awaitFocus(anna, anna.composer(), "an answer is written");
  await type(anna, "and I you");
  await anna.press("Enter");
  await badr.sees("and I you");

  stage.say("dialogs give the focus back");
  await openAndLeave(anna, named(anna, "button", "composer.attach"), "composer.attach_poll");
  await openAndLeave(anna, anna.page.locator("main header").getByRole("button", { name: anna.text("ui.more"), exact: true }), "chat.jump_to_date");
  await anna.press("Control+k");
  await anna.page.getByRole("combobox").waitFor();
  await anna.press("Escape");
  await awaitFocus(anna, anna.page.locator("main header").getByRole("button", { name: anna.text("ui.more"), exact: true }), "after the quick switcher");
  await tabTo(anna, named(anna, "button", "chat.search"), "Shift+Tab");
  await anna.press("Enter");
  await awaitFocus(anna, anna.page.getByRole("search", { name: anna.text("search.title") }).getByRole("searchbox"), "one begins to search at once");
  await anna.press("Escape");
  await awaitFocus(anna, named(anna, "button", "chat.search"), "after the search");

  stage.say("the list, and the settings");
  const row = anna.page.locator("[data-room]").filter({ hasText: "badr" });
  await tabTo(anna, row, "Shift+Tab");
  await tabTo(anna, anna.page.getByRole("button", { name: anna.text("chats.my_account", { name: "anna" }) }), "Shift+Tab");
  await anna.press("Enter");
  await awaitFocus(anna, named(anna, "menuitem", "chats.settings"), "the first entry of the menu");
  await anna.press("Enter");
  await anna.page.locator("[data-settings] h1").first().waitFor();
  await tabTo(anna, anna.page.locator('a[href="#/settings/privacy"]'));
  await anna.press("Enter");
  await awaitFocus(anna, anna.page.locator('[data-page="privacy"] h1'), "a page is read from its beginning");
  const typing = anna.page.getByRole("switch", { name: anna.text("settings.typing") });
  await tabTo(anna, typing);
  await anna.press("Space");
  await anna.page.getByRole("switch", { name: anna.text("settings.typing"), checked: false }).waitFor();
  await tabTo(anna, named(anna, "button", "settings.close"), "Shift+Tab");
  await anna.press("Enter");
  await row.waitFor();
});
