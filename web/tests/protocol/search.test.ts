import { beforeAll, expect, test } from "vitest";
import type { Chat, Engine } from "@/domain/engine";
import type { Session } from "@/domain/arrival";
import type { Message } from "@/domain/message";
import { eraseEngine } from "@/protocol/start_engine";
import { bringTogether, gather, isText, online, until, untilBackedUp, untilKeys, untilMessage, write } from "./engines";

const gathering = gather();
let session: Session;
let ali: Engine;
let sara: Engine;
let alisChat: Chat;
let sarasChat: Chat;

beforeAll(async () => {
  ({ session, ali, sara, alisChat, sarasChat } = await bringTogether(gathering));
});

const textOf = ({ body }: Message): string => (body.kind === "text" ? body.text : body.kind);
const found = async (words: string, filters = {}): Promise<readonly string[]> => (await ali.search(words, filters)).map(textOf);

async function say(chat: Chat, text: string): Promise<Message> {
  chat.sendText(write(text));
  return untilMessage(text, alisChat, (message) => isText(text)(message) && message.eventId !== undefined);
}

test("words are found in every spelling, by whom and in which order", async () => {
  await say(sarasChat, "ذهبنا إلى المدرسةِ مع أحمد");
  await say(alisChat, "مدرسه احمد قريبة على البيت");
  // What Ali sends has its event ID with the answer, and is in the history, which is searched, with the sync after that.
  await expect.poll(() => found("احمد")).toEqual(["مدرسه احمد قريبة على البيت", "ذهبنا إلى المدرسةِ مع أحمد"]);
  expect(await found("مدرسة")).toHaveLength(2);
  expect(await found("علي")).toEqual(["مدرسه احمد قريبة على البيت"]);
  expect(await found("أحمد", { sender: sara.userId })).toEqual(["ذهبنا إلى المدرسةِ مع أحمد"]);
  expect(await found("أحمد", { after: Date.now() + 60_000 })).toEqual([]);
  expect(await found('"المدرسة مع"')).toEqual(["ذهبنا إلى المدرسةِ مع أحمد"]);
  expect(await found('"مع المدرسة"')).toEqual([]);
});

test("an edit is found by its new words only, what is deleted by none", async () => {
  const { eventId } = await say(sarasChat, "the parrot is green");
  sarasChat.edit(eventId!, write("the parrot is crimson"));
  await untilMessage("the edit", alisChat, (message) => message.edited && textOf(message).includes("crimson"));
  expect(await found("crimson")).toEqual(["the parrot is crimson"]);
  expect(await found("green")).toEqual([]);
  sarasChat.deleteForEveryone(eventId!);
  await untilMessage("the deletion", alisChat, (message) => message.eventId === eventId && message.body.kind === "deleted");
  expect(await found("parrot")).toEqual([]);
});

test("the index outlives the page, also one that ended at once", async () => {
  expect(await found("احمد")).toHaveLength(2);
  await ali.stop();
  ali = gathering.add(await online(session));
  expect(await found("أحمد")).toHaveLength(2);
  alisChat = ali.openChat(sarasChat.roomId);
  await say(sarasChat, "written just before the end");
  // Before the index was even read: it catches up with the history at the next start.
  await ali.stop();
  ali = gathering.add(await online(session));
  expect(await found("just before")).toEqual(["written just before the end"]);
  alisChat = ali.openChat(sarasChat.roomId);
});

test("older messages are fetched and searched", async () => {
  await untilKeys(ali);
  const recoveryKey = await ali.keys.createRecoveryKey();
  await say(sarasChat, "the needle in the haystack");
  for (let number = 0; number < 60; number += 1) sarasChat.sendText(write(`straw ${number}`));
  await untilMessage("the last straw", alisChat, isText("straw 59"));
  // One of what Sara wrote, one of what Ali wrote.
  await untilBackedUp(session, 2);
  await ali.stop();
  await eraseEngine(ali.userId);
  session = await gathering.server.login("ali");
  ali = gathering.add(await online(session));
  const { roomId } = sarasChat;
  await until("the chat", ali.chats, (chats) => chats.some((chat) => chat.roomId === roomId));
  await until("recovery asked for", ali.keys.state, ({ state }) => state === "needs-recovery");
  expect((await ali.keys.restore(recoveryKey)).imported).toBeGreaterThan(0);
  expect(await found("needle")).toEqual([]);
  const dates: number[] = [];
  while (await ali.searchFurther(roomId, (_count, oldestAt) => dates.push(oldestAt)));
  expect(dates.length).toBeGreaterThan(0);
  expect(dates).toEqual(dates.toSorted((a, b) => b - a));
  expect(await found("needle")).toEqual(["the needle in the haystack"]);
});
