import type { Locator, Page } from "playwright-core";
import { CHATS } from "../cast.ts";
import type { Person } from "../person.ts";

export interface Screen {
  readonly name: string;
  /** Gets there from the list of chats, and waits until what it is about is there. */
  readonly show: (person: Person) => Promise<unknown>;
  /** What must be done so that the next screen can be shown, beyond going back to the list. */
  readonly leave?: (person: Person) => Promise<unknown>;
}

/** Of everybody in the cast. */
export const PASSWORD = "four random words here";
const TURN_PX = 300;
const TURN_MS = 1_000;
const TURNS_MAX = 10;

/** By the first line of the row: the line below says who wrote last. */
export function findRow(person: Person, name: string): Locator {
  return person.page.locator("[data-room]").filter({ has: person.page.locator("[class*=_top_]").getByText(name, { exact: true }) }).first();
}

export async function openChat(person: Person, name: string): Promise<void> {
  await findRow(person, name).click();
  await person.page.locator("main").getByText(name, { exact: true }).first().waitFor();
  await person.page.locator("main [data-key], main[data-request], main[data-community]").first().waitFor();
}

export async function setHash(person: Person, hash: string): Promise<void> {
  await person.page.evaluate((to) => { location.hash = to; }, hash);
}

/** A button or entry of a menu with a text of the interface. */
export function control(person: Person, role: "button" | "menuitem" | "tab", key: string, within: Page | Locator = person.page): Locator {
  return within.getByRole(role, { name: person.text(key), exact: true }).first();
}

export async function waitForDialog(person: Person): Promise<Locator> {
  const dialog = person.page.locator("[role=dialog], [role=alertdialog]").last();
  await dialog.waitFor();
  return dialog;
}

export async function openInfo(person: Person, name: string): Promise<void> {
  await openChat(person, name);
  await person.page.locator("main header button").filter({ has: person.page.locator("h1") }).first().click();
  await person.page.locator("[data-info-page]").waitFor();
}

/** A page behind the information about a chat. */
export async function openInfoPage(person: Person, name: string, page: string): Promise<void> {
  await openInfo(person, name);
  await person.page.locator(`[data-info="${page}"]`).click();
  await control(person, "button", "ui.back", person.page.locator("[data-info-page]")).waitFor();
}

export async function openMenu(person: Person, words: RegExp | string, chat: string = CHATS.direct): Promise<void> {
  await openChat(person, chat);
  // The first: answers to it quote it.
  await person.page.locator("main [data-key]").filter({ hasText: words }).first().getByText(words).last().click({ button: "right" });
  await person.page.getByRole("menu").first().waitFor();
}

export async function choose(person: Person, words: RegExp | string, key: string, chat: string = CHATS.direct): Promise<void> {
  await openMenu(person, words, chat);
  await control(person, "menuitem", key).click();
}

export async function chooseDialog(person: Person, words: RegExp | string, key: string): Promise<void> {
  await choose(person, words, key);
  await waitForDialog(person);
}

export async function openChatMenu(person: Person, chat: string = CHATS.direct): Promise<void> {
  await openChat(person, chat);
  await control(person, "button", "ui.more", person.page.locator("main header")).click();
  await person.page.getByRole("menu").first().waitFor();
}

export async function newChat(person: Person, key?: string): Promise<void> {
  await control(person, "button", "new_chat.title_people").click();
  const dialog = person.page.getByRole("dialog");
  await dialog.waitFor();
  if (key === undefined) return;
  await control(person, "button", key, dialog).click();
  // Some of them are loaded when they are wanted, in a dialog of their own.
  await person.page.getByRole("dialog").getByRole("button", { name: person.text("new_chat.scan") }).waitFor({ state: "detached" });
  await person.page.getByRole("dialog").waitFor();
}

export async function attach(person: Person, what: string): Promise<void> {
  await openChat(person, CHATS.direct);
  await control(person, "button", "composer.attach").click();
  await control(person, "menuitem", `composer.attach_${what}`).click();
  await person.page.getByRole("dialog").waitFor();
}

export async function openPicture(person: Person): Promise<void> {
  await openChat(person, CHATS.direct);
  const picture = person.page.locator("main img[src^='blob:']").first();
  // On a telephone it is further up than what is drawn.
  await person.page.locator("main [data-key]").last().hover();
  for (let turn = 0; turn < TURNS_MAX && !(await picture.isVisible()); turn += 1) {
    await person.page.mouse.wheel(0, -TURN_PX);
    await picture.waitFor({ timeout: TURN_MS }).catch(() => undefined);
  }
  await picture.click();
  await person.page.getByRole("dialog").waitFor();
}

export async function openSettings(person: Person, section: string): Promise<Locator> {
  await setHash(person, `#/settings/${section}`);
  const page = person.page.locator(`[data-page="${section}"]`);
  await page.locator("h2, form, p").first().waitFor();
  await person.page.getByText(person.text("settings.opening"), { exact: true }).waitFor({ state: "detached" });
  return page;
}

/** Something on a page of the settings that opens a dialog. */
export async function askInSettings(person: Person, section: string, key: string): Promise<void> {
  const page = await openSettings(person, section);
  await control(person, "button", key, page).click();
  await waitForDialog(person);
}
