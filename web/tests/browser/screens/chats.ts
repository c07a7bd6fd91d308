import { CHATS } from "../cast.ts";
import type { Person } from "../person.ts";
import { buildPicture } from "../picture.ts";
import { attach, choose, chooseDialog, control, findRow, openChat, openChatMenu, openMenu, openPicture, type Screen, waitForDialog } from "./ways.ts";

const LETTER = /at dawn/;
const ASKED = "Who joins the flight";

async function emptyComposer(person: Person): Promise<void> {
  await person.composer().fill("");
}

/** Above the field stands what is being answered or edited; it goes without leaving a draft. */
async function stopAnswering(person: Person): Promise<void> {
  await person.page.locator("main textarea").press("Escape");
  await emptyComposer(person);
}

async function openSubmenu(person: Person, key: string): Promise<void> {
  // By key: a pointer that passes beside the inner menu closes it.
  await control(person, "menuitem", key).press("Enter");
  await person.page.getByRole("menu").nth(1).waitFor();
}

async function newFolder(person: Person): Promise<void> {
  await findRow(person, CHATS.group).click({ button: "right" });
  await openSubmenu(person, "chats.folder");
  await control(person, "menuitem", "chats.new_folder").press("Enter");
  await waitForDialog(person);
}

async function putAway(person: Person): Promise<void> {
  await findRow(person, CHATS.community).click({ button: "right" });
  await control(person, "menuitem", "chats.archive").click();
}

async function showArchive(person: Person): Promise<void> {
  await putAway(person);
  await person.page.getByRole("button", { name: person.text("chats.archive_title") }).click();
  await findRow(person, CHATS.community).waitFor();
}

async function emptyArchive(person: Person): Promise<void> {
  await findRow(person, CHATS.community).click({ button: "right" });
  await control(person, "menuitem", "chats.unarchive").click();
  await control(person, "button", "chats.back_to_all").click();
}

async function openThread(person: Person): Promise<void> {
  await choose(person, ASKED, "chat.reply_in_thread", CHATS.group);
  await person.page.getByText("Layla too, I think.").last().waitFor();
}

async function searchInChat(person: Person): Promise<void> {
  await openChat(person, CHATS.direct);
  await control(person, "button", "chat.search").click();
  const pane = person.page.getByRole("search", { name: person.text("search.title") });
  await pane.getByRole("searchbox").fill("dawn");
  await pane.locator("[data-hit]").first().waitFor();
}

async function sendMenu(person: Person): Promise<void> {
  await openChat(person, CHATS.direct);
  await person.composer().fill("Sleep well");
  await person.page.getByRole("button", { name: person.text("composer.send"), exact: true }).click({ button: "right" });
  await control(person, "menuitem", "composer.send_later").waitFor();
}

async function markWords(person: Person): Promise<void> {
  await openChat(person, CHATS.direct);
  await person.composer().fill("These words are marked");
  await person.composer().selectText();
  await control(person, "button", "format.bold").waitFor();
}

async function mention(person: Person): Promise<void> {
  await openChat(person, CHATS.group);
  await person.composer().pressSequentially("@ba");
  await person.page.getByRole("listbox").first().waitFor();
}

async function attachFile(person: Person, kind: "media" | "file"): Promise<void> {
  await openChat(person, CHATS.direct);
  const file = kind === "media" ? { name: "tower.png", mimeType: "image/png", buffer: buildPicture(240, 320, "tower") } : { name: "list.txt", mimeType: "text/plain", buffer: Buffer.from("grain, water") };
  await person.page.locator(`[data-attach=${kind}]`).setInputFiles(file);
  const dialog = await waitForDialog(person);
  await control(person, "button", "media.send", dialog).waitFor();
}

async function openTab(person: Person, key: string): Promise<void> {
  await openChat(person, CHATS.direct);
  await control(person, "button", "composer.emoji").click();
  await control(person, "tab", key).click();
}

async function pickSticker(person: Person): Promise<void> {
  await openTab(person, "stickers.title");
  await person.page.getByRole("tabpanel").locator("img[src^='blob:']").first().waitFor();
}

async function changeStickers(person: Person): Promise<void> {
  await pickSticker(person);
  await control(person, "button", "stickers.manage").click();
  await person.page.getByRole("dialog").locator("li img[src^='blob:']").first().waitFor();
}

async function pickEmoji(person: Person): Promise<void> {
  await openTab(person, "emoji.title");
  await person.page.getByRole("dialog").getByRole("button").nth(12).waitFor();
}

const list: readonly Screen[] = [
  { name: "list", show: async () => undefined },
  { name: "list-search", show: async (person) => { await person.page.getByRole("searchbox").first().fill("dawn"); await person.page.locator("nav mark, [data-hit] mark").first().waitFor(); } },
  { name: "list-empty", show: async (person) => { await person.page.getByRole("searchbox").first().fill("ostrich"); await person.page.getByText(person.text("search.nothing")).first().waitFor(); } },
  { name: "list-menu", show: async (person) => { await findRow(person, CHATS.group).click({ button: "right" }); await person.page.getByRole("menu").waitFor(); } },
  { name: "list-folder", show: newFolder },
  { name: "list-archive", show: showArchive, leave: emptyArchive },
  { name: "account-menu", show: (person) => person.page.getByRole("button", { name: person.text("chats.my_account", { name: "anna" }) }).click() },
  {
    name: "starred",
    show: async (person) => {
      await person.page.getByRole("button", { name: person.text("chats.my_account", { name: "anna" }) }).click();
      await control(person, "menuitem", "info.starred").click();
      await person.page.getByRole("dialog").locator("[data-kept]").first().waitFor();
    },
  },
  { name: "quick-switcher", show: async (person) => { await person.page.keyboard.press("Control+k"); await person.page.getByRole("option").first().waitFor(); } },
  { name: "shortcuts", show: async (person) => { await findRow(person, CHATS.group).focus(); await person.page.keyboard.press("?"); await waitForDialog(person); } },
];

const chat: readonly Screen[] = [
  { name: "chat", show: (person) => openChat(person, CHATS.direct) },
  { name: "chat-group", show: (person) => openChat(person, CHATS.group) },
  { name: "chat-channel", show: (person) => openChat(person, CHATS.channel) },
  { name: "chat-community", show: (person) => openChat(person, CHATS.community) },
  { name: "chat-request", show: (person) => openChat(person, CHATS.request) },
  { name: "chat-menu", show: (person) => openChatMenu(person) },
  { name: "chat-timer", show: async (person) => { await openChatMenu(person); await openSubmenu(person, "disappear.title"); } },
  { name: "chat-date", show: async (person) => { await openChatMenu(person); await control(person, "menuitem", "chat.jump_to_date").click(); await waitForDialog(person); } },
  { name: "chat-leave", show: async (person) => { await openChatMenu(person); await control(person, "menuitem", "chats.leave").click(); await waitForDialog(person); } },
  { name: "chat-report", show: async (person) => { await openChatMenu(person); await control(person, "menuitem", "report.chat").click(); await waitForDialog(person); } },
  { name: "chat-thread", show: openThread },
  { name: "chat-threads", show: async (person) => { await openChatMenu(person, CHATS.group); await control(person, "menuitem", "thread.all").click(); await person.page.locator("[data-threads] [data-thread]").first().waitFor(); } },
  { name: "chat-threads-none", show: async (person) => { await openChatMenu(person, CHATS.direct); await control(person, "menuitem", "thread.all").click(); await person.page.getByText(person.text("thread.none")).waitFor(); } },
  { name: "chat-mute", show: async (person) => { await openChatMenu(person); await openSubmenu(person, "chats.mute"); } },
  { name: "chat-search", show: searchInChat },
  { name: "chat-emoji", show: pickEmoji },
  { name: "chat-stickers", show: pickSticker },
  { name: "chat-stickers-change", show: changeStickers },
  { name: "chat-format", show: markWords, leave: emptyComposer },
  { name: "chat-mention", show: mention, leave: emptyComposer },
  { name: "chat-record", show: async (person) => { await openChat(person, CHATS.direct); await control(person, "button", "composer.record").click(); await control(person, "button", "media.pause").click(); await control(person, "button", "media.resume").waitFor(); }, leave: (person) => control(person, "button", "media.discard").click() },
  { name: "chat-send-menu", show: sendMenu, leave: async (person) => { await person.page.keyboard.press("Escape"); await emptyComposer(person); } },
  { name: "chat-send-later", show: async (person) => { await sendMenu(person); await control(person, "menuitem", "composer.send_later").click(); await waitForDialog(person); }, leave: async (person) => { await person.page.keyboard.press("Escape"); await emptyComposer(person); } },
];

const message: readonly Screen[] = [
  { name: "message-menu", show: (person) => openMenu(person, LETTER) },
  { name: "message-details", show: (person) => chooseDialog(person, LETTER, "chat.details") },
  { name: "message-delete", show: (person) => chooseDialog(person, LETTER, "chat.delete") },
  { name: "message-forward", show: (person) => chooseDialog(person, LETTER, "chat.forward") },
  { name: "message-react", show: async (person) => { await chooseDialog(person, LETTER, "chat.react_more"); await person.page.getByRole("dialog").getByRole("button").nth(12).waitFor(); } },
  { name: "message-report", show: (person) => chooseDialog(person, /السلام عليكم/, "chat.report") },
  { name: "message-reply", show: async (person) => { await choose(person, LETTER, "chat.reply"); await control(person, "button", "composer.stop_replying").waitFor(); }, leave: stopAnswering },
  { name: "message-edit", show: async (person) => { await choose(person, LETTER, "chat.edit"); await control(person, "button", "composer.stop_editing").waitFor(); }, leave: stopAnswering },
  { name: "message-link-preview", show: async (person) => { await choose(person, /خريطة الطريق/, "chat.preview_link", CHATS.group); await person.page.locator("main a[href^='http://127.0.0.1'] img[src^='blob:']").first().waitFor(); } },
  { name: "message-select", show: async (person) => { await choose(person, LETTER, "chat.select"); await control(person, "button", "chat.stop_selecting").waitFor(); } },
];

const attached: readonly Screen[] = [
  { name: "attach-menu", show: async (person) => { await openChat(person, CHATS.direct); await control(person, "button", "composer.attach").click(); await person.page.getByRole("menu").waitFor(); } },
  { name: "attach-media", show: (person) => attachFile(person, "media") },
  { name: "attach-file", show: (person) => attachFile(person, "file") },
  { name: "attach-poll", show: (person) => attach(person, "poll") },
  { name: "attach-location", show: (person) => attach(person, "location") },
  { name: "attach-contact", show: (person) => attach(person, "contact") },
  { name: "picture", show: openPicture },
];

export const CHAT_SCREENS: readonly Screen[] = [...list, ...chat, ...message, ...attached];
