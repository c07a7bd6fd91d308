import { CHATS } from "../cast.ts";
import type { Person } from "../person.ts";
import { buildPicture } from "../picture.ts";
import { askInSettings, control, newChat, openChat, openInfo, openInfoPage, openSettings, PASSWORD, type Screen, setHash, waitForDialog } from "./ways.ts";

const SECTIONS = ["profile", "accounts", "password", "privacy", "lock", "sessions", "keys", "notifications", "appearance", "storage", "known", "export", "about", "delete"];

async function openGallery(person: Person, kind: string): Promise<void> {
  await openInfoPage(person, CHATS.direct, "gallery");
  await control(person, "tab", `info.gallery_${kind}`).click();
  await person.page.getByRole("tabpanel").locator("button, [data-kept]").first().waitFor();
}

async function askInInfo(person: Person, chat: string, key: string): Promise<void> {
  await openInfo(person, chat);
  await control(person, "button", key, person.page.locator("[data-info-page]")).click();
  await waitForDialog(person);
}

async function makeLink(person: Person): Promise<void> {
  await openInfoPage(person, CHATS.group, "links");
  await person.page.locator('[data-invite="make"]').click();
  await person.page.locator("[data-link] svg path").first().waitFor();
}

async function doInCommunity(person: Person, what: string): Promise<void> {
  await openChat(person, CHATS.community);
  await person.page.locator(`[data-community-do="${what}"]`).click();
  await waitForDialog(person);
}

async function cropPicture(person: Person): Promise<void> {
  const page = await openSettings(person, "profile");
  await page.locator("input[type=file]").setInputFiles({ name: "me.png", mimeType: "image/png", buffer: buildPicture(300, 200, "me") });
  await control(person, "button", "ui.save", await waitForDialog(person)).waitFor();
}

async function renameDevice(person: Person): Promise<void> {
  const page = await openSettings(person, "sessions");
  await page.getByRole("button").filter({ hasText: person.text("settings.session_rename") }).first().click();
  await person.field("device-name").waitFor();
}

async function showDeviceCode(person: Person): Promise<void> {
  await askInSettings(person, "sessions", "settings.link_start");
  const dialog = person.page.getByRole("dialog");
  await dialog.locator("[name=password]").fill(PASSWORD);
  await control(person, "button", "settings.link_show", dialog).click();
  await person.page.locator("[data-login-link] svg path").first().waitFor();
}

/** Opened anew without a network: a sync that is under way would not notice for half a minute. */
async function loseConnection(person: Person): Promise<void> {
  await person.context.setOffline(true);
  await person.page.reload();
  await openChat(person, CHATS.direct);
  await person.page.getByText(person.text("connection.offline", { time: "|" }).split("|")[0]!.trim()).first().waitFor();
}

const SYNCS = /\/_matrix\/client\/v3\/sync/;
const STATUS = /\/status\.json$/;

/** The server asks everybody to come back later. */
async function refuseSyncs(person: Person): Promise<void> {
  await person.context.route(SYNCS, (route) =>
    route.fulfill({ status: 429, headers: { "Retry-After": "25" }, json: { errcode: "M_LIMIT_EXCEEDED", error: "Too many requests", retry_after_ms: 25_000 } }),
  );
  await person.page.reload();
  await openChat(person, CHATS.direct);
  await person.page.getByText(person.text("connection.busy")).first().waitFor();
}

/** The server says that something is wrong with it. */
async function announceOutage(person: Person): Promise<void> {
  await person.context.route(STATUS, (route) => route.fulfill({ json: { state: "outage", since: new Date(Date.now() - 600_000).toISOString() } }));
  await person.page.reload();
  await openChat(person, CHATS.direct);
  await person.page.getByText(person.text("connection.outage", { time: "|" }).split("|")[0]!.trim()).first().waitFor();
}

async function letThrough(person: Person, what: RegExp): Promise<void> {
  await person.context.unroute(what);
  await person.page.reload();
}

const connection: readonly Screen[] = [
  { name: "connection-offline", show: loseConnection, leave: (person) => person.context.setOffline(false) },
  { name: "connection-busy", show: refuseSyncs, leave: (person) => letThrough(person, SYNCS) },
  { name: "connection-outage", show: announceOutage, leave: (person) => letThrough(person, STATUS) },
];

const info: readonly Screen[] = [
  { name: "info-person", show: (person) => openInfo(person, CHATS.direct) },
  { name: "info-group", show: (person) => openInfo(person, CHATS.group) },
  { name: "info-channel", show: (person) => openInfo(person, CHATS.channel) },
  { name: "info-community", show: (person) => openInfo(person, CHATS.community) },
  { name: "info-members", show: (person) => openInfoPage(person, CHATS.group, "members") },
  { name: "info-member-menu", show: async (person) => { await openInfoPage(person, CHATS.group, "members"); await person.page.locator('[data-member="@badr:localhost"]').getByRole("button").nth(1).click(); await person.page.getByRole("menu").waitFor(); } },
  { name: "info-permissions", show: (person) => openInfoPage(person, CHATS.group, "permissions") },
  { name: "info-links", show: makeLink },
  { name: "info-media", show: (person) => openGallery(person, "media") },
  { name: "info-files", show: (person) => openGallery(person, "files") },
  { name: "info-web-links", show: (person) => openGallery(person, "links") },
  { name: "info-starred", show: async (person) => { await openInfoPage(person, CHATS.group, "starred"); await person.page.locator("[data-info-page] [data-kept]").first().waitFor(); } },
  { name: "info-pinned", show: async (person) => { await openInfoPage(person, CHATS.group, "pinned"); await person.page.locator("[data-info-page] [data-kept]").first().waitFor(); } },
  { name: "info-nothing-pinned", show: async (person) => { await openInfoPage(person, CHATS.channel, "pinned"); await person.page.getByText(person.text("info.no_pinned")).waitFor(); } },
  { name: "info-edit", show: (person) => askInInfo(person, CHATS.group, "info.edit") },
  { name: "info-add-people", show: (person) => askInInfo(person, CHATS.group, "info.add_people") },
  { name: "info-block", show: async (person) => { await openInfo(person, CHATS.direct); await person.page.locator('[data-info="block"]').click(); await waitForDialog(person); } },
  { name: "info-private", show: async (person) => { await openInfo(person, CHATS.direct); await person.page.locator('[data-info="private"]').getByRole("switch").click(); await waitForDialog(person); } },
  { name: "info-delete", show: (person) => askInInfo(person, CHATS.direct, "info.delete_chat") },
  { name: "community-add", show: (person) => doInCommunity(person, "add") },
  { name: "community-new", show: (person) => doInCommunity(person, "new") },
  { name: "person", show: async (person) => { await openInfoPage(person, CHATS.group, "members"); await person.page.locator('[data-member="@badr:localhost"]').getByRole("button").first().click(); await person.page.locator('[data-person="write"]').waitFor(); } },
  { name: "invite-unknown", show: async (person) => { await setHash(person, "#/invite/!nowhere:localhost?token=wrong"); const dialog = await waitForDialog(person); await control(person, "button", "ui.close", dialog).waitFor(); await dialog.getByText(person.text("invite.looking")).waitFor({ state: "detached" }); } },
];

const begin: readonly Screen[] = [
  { name: "new-chat", show: (person) => newChat(person) },
  ...["group", "channel", "community", "link", "broadcast"].map((way): Screen => ({ name: `new-${way}`, show: (person) => newChat(person, `new_chat.title_${way}`) })),
  { name: "new-broadcast-list", show: async (person) => { await newChat(person, "new_chat.title_broadcast"); await control(person, "button", "broadcast.new").click(); await person.page.getByRole("dialog").getByRole("textbox").first().waitFor(); } },
  { name: "my-code", show: async (person) => { await newChat(person, "new_chat.my_code"); await person.page.getByRole("dialog").locator("svg path").first().waitFor(); } },
  { name: "scan", show: (person) => newChat(person, "new_chat.scan") },
];

const settings: readonly Screen[] = [
  { name: "settings", show: async (person) => { await setHash(person, "#/settings"); await person.page.locator("[data-settings] nav").waitFor(); } },
  ...SECTIONS.map((section): Screen => ({ name: `settings-${section}`, show: (person) => openSettings(person, section) })),
  { name: "settings-profile-crop", show: cropPicture },
  { name: "settings-sessions-rename", show: renameDevice },
  { name: "settings-sessions-password", show: (person) => askInSettings(person, "sessions", "settings.link_start") },
  { name: "settings-sessions-code", show: showDeviceCode },
  { name: "settings-keys-check", show: (person) => askInSettings(person, "keys", "settings.recovery_check") },
  { name: "settings-keys-new", show: (person) => askInSettings(person, "keys", "settings.recovery_new") },
  { name: "settings-keys-file", show: (person) => askInSettings(person, "keys", "settings.key_file_export") },
  { name: "settings-keys-reset", show: (person) => askInSettings(person, "keys", "settings.reset") },
  { name: "settings-lock-pin", show: (person) => askInSettings(person, "lock", "settings.pin_set") },
  { name: "settings-lock-wipe", show: (person) => askInSettings(person, "lock", "settings.wipe") },
];

export const PLACE_SCREENS: readonly Screen[] = [...info, ...begin, ...settings, ...connection];
