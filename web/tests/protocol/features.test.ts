import { beforeAll, expect, test } from "vitest";
import type { Session } from "@/domain/arrival";
import type { Chat, Engine } from "@/domain/engine";
import type { Message } from "@/domain/message";
import { eraseEngine } from "@/protocol/start_engine";
import { bringTogether, gather, isText, messages, online, texts, until, untilAnswered, untilChat, untilMessage, write } from "./engines";
import { PASSWORD } from "./server";
import "./upload_request";

const gathering = gather();
let session: Session;
let ali: Engine;
let sara: Engine;
let alisChat: Chat;
let sarasChat: Chat;

beforeAll(async () => {
  ({ session, ali, sara, alisChat, sarasChat } = await bringTogether(gathering));
});

test("a poll is voted in and ended", async () => {
  alisChat.sendPoll("Where to?", ["Sea", "Mountains"], 1, true);
  const poll = await untilMessage("the poll", sarasChat, ({ body, eventId }) => body.kind === "poll" && eventId !== undefined);
  if (poll.body.kind !== "poll") throw new Error("no poll");
  expect(poll.body.answers.map(({ text }) => text)).toEqual(["Sea", "Mountains"]);
  sarasChat.vote(poll.eventId!, [poll.body.answers[0]!.id]);
  const counted = await untilMessage("the vote", alisChat, ({ pollResults }) => Object.values(pollResults?.votes ?? {}).flat().length === 1);
  expect(counted.eventId).toBe(poll.eventId);
});

/** Sends `text` so that it disappears after `seconds`; undefined if it was gone before Sara could see it. */
async function seeDisappearing(text: string, seconds: number): Promise<Message | undefined> {
  await alisChat.setDisappearAfter(seconds);
  await until("the timer at Sara's", sarasChat.summary, ({ disappearAfterS }) => disappearAfterS === seconds);
  let seen: Message | undefined;
  const end = sarasChat.timeline.subscribe(() => (seen ??= messages(sarasChat).find(isText(text))));
  alisChat.sendText(write(text));
  await untilMessage("the message at Ali's", alisChat, isText(text));
  await until("the message gone at Ali's", alisChat.timeline, () => !texts(alisChat).includes(text));
  end();
  await until("the message gone at Sara's", sarasChat.timeline, () => !texts(sarasChat).includes(text));
  return seen;
}

test("a disappearing message goes at both sides and from the server", async () => {
  let seconds = 2;
  let seen: Message | undefined;
  // On a busy machine it may take longer than that to reach her.
  for (; !seen; seconds *= 2) seen = await seeDisappearing(`gone after ${seconds} s`, seconds);
  expect(seen.expiresAt! - seen.sentAt).toBe((seconds / 2) * 1_000);
  await alisChat.setDisappearAfter(0);
  expect(await sarasChat.message(seen.eventId!)).toBeUndefined();
  await until("the timer off at Ali's", alisChat.summary, ({ disappearAfterS }) => disappearAfterS === 0);
});

test("a message that is sent as soon as the timer is chosen has it", async () => {
  const chosen = alisChat.setDisappearAfter(3_600);
  alisChat.sendText(write("at once"));
  await chosen;
  const timed = await untilMessage("the timed message", sarasChat, isText("at once"));
  expect(timed.expiresAt).toBe(timed.sentAt + 3_600_000);
  await alisChat.setDisappearAfter(0);
  alisChat.sendText(write("this one stays"));
  expect((await untilMessage("what stays", sarasChat, isText("this one stays"))).expiresAt).toBeUndefined();
});

test("pins, stars, deletion for oneself, lists, folders and mutes", async () => {
  alisChat.sendText(write("keep this"));
  const { eventId } = await untilMessage("the message", sarasChat, isText("keep this"));
  await alisChat.setPinned(eventId!, true);
  await untilMessage("pinned at Sara's", sarasChat, (message) => message.eventId === eventId && message.pinned);
  await sarasChat.setStarred(eventId!, true);
  await untilMessage("starred", sarasChat, (message) => message.eventId === eventId && message.starred);
  const notes = sara.openChat(await sara.startDirectChat(sara.userId));
  notes.sendText(write("and this"));
  const noted = await untilMessage("the note", notes, ({ status, eventId: id }) => status === "held" && id !== undefined);
  await notes.setStarred(noted.eventId!, true);
  await untilMessage("the note starred", notes, ({ starred }) => starred);
  expect((await sara.loadStarred()).map((message) => [message.roomId, message.eventId])).toEqual([[notes.roomId, noted.eventId], [sarasChat.roomId, eventId]]);
  await sarasChat.deleteForMe(eventId!);
  await until("gone for Sara", sarasChat.timeline, () => !texts(sarasChat).includes("keep this"));
  expect((await sara.loadStarred()).map((message) => message.eventId)).toEqual([noted.eventId]);
  expect(texts(alisChat)).toContain("keep this");
  await untilChat(sara, sarasChat.roomId, ({ last }) => last?.message.eventId !== eventId);
  alisChat.edit(eventId!, write("keep that"));
  await untilChat(ali, alisChat.roomId, ({ last }) => last?.message.body.kind === "text" && last.message.body.text === "keep that");

  await alisChat.setListFlags({ pinned: true, folders: ["family"], mutedUntil: Date.now() + 3_600_000 });
  await untilChat(ali, alisChat.roomId, ({ pinned, folders, mutedUntil }) => pinned && folders[0] === "family" && mutedUntil !== undefined);
  await alisChat.setListFlags({ pinned: false, archived: true, folders: [], mutedUntil: null });
  await untilChat(ali, alisChat.roomId, ({ pinned, archived, folders, mutedUntil }) => !pinned && archived && folders.length === 0 && mutedUntil === undefined);
  await alisChat.markUnread();
  await untilChat(ali, alisChat.roomId, ({ markedUnread }) => markedUnread);
});

test("a chat that was muted by mistake and is unmuted at once is not mute, also at the server", async () => {
  const findRule = (): Promise<Response> => fetch(`${gathering.server.baseUrl}/_matrix/client/v3/pushrules/global/override/${encodeURIComponent(alisChat.roomId)}`, { headers: { Authorization: `Bearer ${session.accessToken}` } });
  await alisChat.setListFlags({ mutedUntil: Date.now() + 3_600_000 });
  expect((await findRule()).status).toBe(200);
  await alisChat.setListFlags({ mutedUntil: null });
  expect((await findRule()).status).toBe(404);
  await alisChat.setListFlags({ mutedUntil: null });
});

test("typing is seen, and drafts stay", async () => {
  sarasChat.setTyping(true);
  await untilChat(ali, alisChat.roomId, ({ typing }) => typing[0] === "sara");
  sarasChat.setTyping(false);
  await untilChat(ali, alisChat.roomId, ({ typing }) => typing.length === 0);
  alisChat.setDraft("begun");
  await untilChat(ali, alisChat.roomId, ({ draft }) => draft === "begun");
});

test("a file goes out encrypted, is seen once, and is then gone everywhere", async () => {
  const bytes = new TextEncoder().encode("a letter");
  alisChat.sendFile({ file: new Blob([bytes], { type: "text/plain" }), name: "letter.txt", kind: "file", hop: 0, viewOnce: true, caption: "read *this*" });
  const file = await untilMessage("the file", sarasChat, ({ body }) => body.kind === "file");
  expect(file).toMatchObject({ viewOnce: true, encrypted: true, body: { name: "letter.txt", source: { key: { k: expect.any(String) as string } } } });
  sarasChat.markViewed(file.eventId!);
  await untilMessage("opened at Sara's", sarasChat, ({ eventId, body, viewOnce }) => eventId === file.eventId && body.kind === "deleted" && viewOnce);
  await untilMessage("taken back at Ali's", alisChat, ({ eventId, body }) => eventId === file.eventId && body.kind === "deleted");
});

test("history on this device is searched, in Arabic too", async () => {
  sarasChat.sendText(write("القهوة جاهزة عند أحمد"));
  await untilMessage("the message", alisChat, isText("القهوة جاهزة عند أحمد"));
  const found = await ali.search("قهوه احمد");
  expect(found.map(({ body }) => body.kind === "text" && body.text)).toEqual(["القهوة جاهزة عند أحمد"]);
});

test("a channel is read by all and written by its owner; a community knows its chats", async () => {
  const channelId = await ali.createGroup({ kind: "channel", name: "News", invite: [sara.userId], access: "private" });
  await untilChat(sara, channelId, ({ membership }) => membership === "invite");
  await sara.openChat(channelId).accept();
  await untilChat(sara, channelId, ({ kind, maySend, encrypted }) => kind === "channel" && !maySend && encrypted);
  await untilChat(ali, channelId, ({ kind, maySend }) => kind === "channel" && maySend);
  const channel = ali.openChat(channelId);
  channel.sendText(write("good news"));
  await untilMessage("the news", sara.openChat(channelId), isText("good news"));
  const communityId = await ali.createGroup({ kind: "community", name: "Village", invite: [], access: "private" });
  await untilChat(ali, communityId, ({ kind }) => kind === "community");
});

test("devices are listed and logged out from afar", async () => {
  const second = await gathering.server.login("sara");
  // Signed in the background, once the account's keys are made.
  const current = await untilAnswered("the device signed", () => sara.devices.list(), (listed) => listed.find(({ current: isCurrent, verified }) => isCurrent && verified));
  expect(current.deviceId).toBe(sara.deviceId);
  await expect(sara.devices.logOut([second.deviceId], "wrong")).rejects.toMatchObject({ code: "wrong_password" });
  await sara.devices.logOut([second.deviceId], PASSWORD);
  expect((await sara.devices.list()).map(({ deviceId }) => deviceId)).toEqual([sara.deviceId]);
});

test("older history is loaded from the server, and a jump goes where it should", async () => {
  for (let number = 0; number < 70; number += 1) sarasChat.sendText(write(`line ${number}`));
  await untilMessage("the last line", alisChat, isText("line 69"));
  const { eventId, sentAt } = messages(alisChat).find(isText("line 3"))!;
  const { roomId } = alisChat;
  const known = messages(alisChat).map((message) => message.eventId);
  await ali.stop();
  await eraseEngine(ali.userId);
  ali = gathering.add(await online(await gathering.server.login("ali")));
  const chat = ali.openChat(roomId);
  await until("the newest part", chat.timeline, ({ items }) => items.length > 10);
  const before = messages(chat).length;
  await chat.loadBefore();
  expect(messages(chat).length).toBeGreaterThan(before);
  while (chat.timeline.get().hasBefore) await chat.loadBefore();
  const ids = messages(chat).map((message) => message.eventId);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.filter((id) => id !== undefined && known.includes(id)).length).toBeGreaterThan(70);
  await chat.jumpTo({ time: sentAt });
  expect(messages(chat).some((message) => message.eventId === eventId)).toBe(true);
});
