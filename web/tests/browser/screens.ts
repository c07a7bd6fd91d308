import type { Locator, Page } from "playwright-core";
import { CHATS } from "./cast.ts";
import type { Person } from "./person.ts";

export interface Screen {
  readonly name: string;
  /** Gets there from the list of chats. */
  readonly show: (person: Person) => Promise<unknown>;
  /** What must be done so that the next screen can be shown, beyond loading the page anew. */
  readonly leave?: (person: Person) => Promise<unknown>;
}

const SETTINGS = ["profile", "accounts", "password", "privacy", "lock", "sessions", "keys", "notifications", "appearance", "storage", "known", "export", "about", "delete"];
const TURN_PX = 300;
const TURN_MS = 1_000;
const TURNS_MAX = 10;
const WAYS = ["group", "channel", "community", "link", "broadcast"];

/** By the first line of the row: the line below says who wrote last. */
function findRow(person: Person, name: string): Locator {
  return person.page.locator("[data-room]").filter({ has: person.page.locator("[class*=_top_]").getByText(name, { exact: true }) }).first();
}

async function openChat(person: Person, name: string): Promise<void> {
  await findRow(person, name).click();
  await person.page.locator("main").getByText(name, { exact: true }).first().waitFor();
  await person.page.locator("main [data-key], main[data-request], main[data-community]").first().waitFor();
}

async function setHash(person: Person, hash: string): Promise<void> {
  await person.page.evaluate((to) => { location.hash = to; }, hash);
}

/** A button or entry of a menu with a text of the interface. */
function control(person: Person, role: "button" | "menuitem", key: string, within: Page | Locator = person.page): Locator {
  return within.getByRole(role, { name: person.text(key), exact: true }).first();
}

async function openInfo(person: Person, name: string): Promise<void> {
  await openChat(person, name);
  await person.page.locator("main header button").filter({ has: person.page.locator("h1") }).first().click();
  await person.page.locator("[data-info-page]").waitFor();
}

async function openMenu(person: Person, words: RegExp | string): Promise<void> {
  await openChat(person, CHATS.direct);
  // The first: answers to it quote it.
  await person.page.locator("main [data-key]").filter({ hasText: words }).first().getByText(words).last().click({ button: "right" });
  await person.page.getByRole("menu").first().waitFor();
}

async function chooseFromMenu(person: Person, words: RegExp | string, key: string): Promise<void> {
  await openMenu(person, words);
  await control(person, "menuitem", key).click();
  await person.page.getByRole("dialog").first().waitFor();
}

async function newChat(person: Person, way?: string): Promise<void> {
  await control(person, "button", "new_chat.title_people").click();
  const dialog = person.page.getByRole("dialog");
  await dialog.waitFor();
  if (way !== undefined) await control(person, "button", `new_chat.title_${way}`, dialog).click();
}

async function attach(person: Person, what: string): Promise<void> {
  await openChat(person, CHATS.direct);
  await control(person, "button", "composer.attach").click();
  await control(person, "menuitem", `composer.attach_${what}`).click();
  await person.page.getByRole("dialog").waitFor();
}

async function openPicture(person: Person): Promise<void> {
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

const chats: readonly Screen[] = [
  { name: "list", show: async () => undefined },
  { name: "list-search", show: (person) => person.page.getByRole("searchbox").first().fill("dawn") },
  { name: "list-menu", show: (person) => findRow(person, CHATS.group).click({ button: "right" }) },
  { name: "account-menu", show: (person) => person.page.locator("nav button[aria-haspopup=menu], aside button[aria-haspopup=menu], button[aria-haspopup=menu]").first().click() },
  { name: "chat", show: (person) => openChat(person, CHATS.direct) },
  { name: "chat-group", show: (person) => openChat(person, CHATS.group) },
  { name: "chat-channel", show: (person) => openChat(person, CHATS.channel) },
  { name: "chat-community", show: (person) => openChat(person, CHATS.community) },
  { name: "chat-request", show: (person) => openChat(person, CHATS.request) },
  { name: "message-menu", show: (person) => openMenu(person, /at dawn/) },
  { name: "message-details", show: (person) => chooseFromMenu(person, /at dawn/, "chat.details") },
  { name: "message-delete", show: (person) => chooseFromMenu(person, /at dawn/, "chat.delete") },
  { name: "message-forward", show: (person) => chooseFromMenu(person, /at dawn/, "chat.forward") },
  { name: "message-report", show: (person) => chooseFromMenu(person, /السلام عليكم/, "chat.report") },
  { name: "chat-menu", show: async (person) => { await openChat(person, CHATS.direct); await control(person, "button", "ui.more", person.page.locator("main header")).click(); } },
  { name: "attach-menu", show: async (person) => { await openChat(person, CHATS.direct); await control(person, "button", "composer.attach").click(); } },
  { name: "attach-poll", show: (person) => attach(person, "poll") },
  { name: "attach-location", show: (person) => attach(person, "location") },
  { name: "attach-contact", show: (person) => attach(person, "contact") },
  { name: "picture", show: openPicture },
];

const places: readonly Screen[] = [
  { name: "info-person", show: (person) => openInfo(person, CHATS.direct) },
  { name: "info-group", show: (person) => openInfo(person, CHATS.group) },
  { name: "info-channel", show: (person) => openInfo(person, CHATS.channel) },
  { name: "info-community", show: (person) => openInfo(person, CHATS.community) },
  { name: "new-chat", show: (person) => newChat(person) },
  ...WAYS.map((way): Screen => ({ name: `new-${way}`, show: (person) => newChat(person, way) })),
  { name: "settings", show: async (person) => { await setHash(person, "#/settings"); await person.page.locator("[data-settings] nav").waitFor(); } },
  ...SETTINGS.map((section): Screen => ({
    name: `settings-${section}`,
    show: async (person) => {
      await setHash(person, `#/settings/${section}`);
      await person.page.locator(`[data-page="${section}"] h2, [data-page="${section}"] form, [data-page="${section}"] p`).first().waitFor();
      await person.page.getByText(person.text("settings.opening"), { exact: true }).waitFor({ state: "detached" });
    },
  })),
  {
    name: "offline",
    show: async (person) => {
      await openChat(person, CHATS.direct);
      await person.context.setOffline(true);
      await person.page.getByText(person.text("connection.offline", { time: "|" }).split("|")[0]!.trim()).first().waitFor();
    },
    leave: (person) => person.context.setOffline(false),
  },
];

/** Everything that is seen once one is signed in. */
export const SCREENS: readonly Screen[] = [...chats, ...places];

/** The lock, set and then seen; it stays on the device, so it comes last. */
export async function showLock(person: Person): Promise<void> {
  await setHash(person, "#/settings/lock");
  await control(person, "button", "settings.pin_set").click();
  await person.field("new-pin").fill("481516");
  await person.field("new-pin-again").fill("481516");
  await control(person, "button", "ui.save", person.page.getByRole("dialog")).click();
  await control(person, "button", "settings.lock_now").click();
  await person.field("pin").waitFor();
}

/** Before one is signed in, each on a browser that knows nobody. */
export const ARRIVALS: readonly Screen[] = [
  { name: "log-in", show: (person) => person.goTo("#/login") },
  { name: "sign-up", show: (person) => person.goTo("#/register?token=abc") },
  { name: "reset-password", show: (person) => person.goTo("#/reset-password?token=abc") },
  { name: "restore", show: async (person) => { await person.logIn("anna"); await person.field("recovery-key").waitFor(); } },
];
