import { afterAll, beforeAll, expect, test } from "vitest";
import type { Chat, Engine } from "@/domain/engine";
import type { Session } from "@/domain/arrival";
import { isText, meet, messages, online, onlineElsewhere, texts, until, untilChat, untilMessage, write } from "./engines";
import { TestServer } from "./server";

let server: TestServer;
let session: Session;
let ali: Engine;
let sara: Engine;
let alisChat: Chat;
let sarasChat: Chat;
const more: Engine[] = [];

beforeAll(async () => {
  server = await TestServer.start();
  session = await server.register("ali");
  [ali, sara] = [await online(session), await online(await server.register("sara"))];
  [alisChat, sarasChat] = await meet(ali, sara);
});

afterAll(async () => {
  await Promise.all([ali.stop(), sara.stop(), ...more.map((engine) => engine.stop())]);
  await server.stop();
});

/** Sara begins a thread under a message of her own and answers in it; gives its first message's ID once Ali has all of it. */
async function begin(words: string, ...answers: readonly string[]): Promise<string> {
  sarasChat.sendText(write(words));
  const { eventId } = await untilMessage(words, alisChat, isText(words));
  for (const answer of answers) await answerIn(eventId!, answer);
  await untilMessage("its answers", alisChat, (message) => message.eventId === eventId && message.thread?.count === answers.length);
  return eventId!;
}

async function answerIn(rootId: string, words: string): Promise<void> {
  const thread = sarasChat.thread(rootId);
  await until("the thread at Sara's", thread.timeline, () => texts(thread).length > 0);
  thread.sendText(write(words));
  await until("sent", thread.timeline, () => messages(thread).find(isText(words))?.status === "held");
}

const textOf = (chat: Chat, at: number, which: "root" | "latest"): string => {
  const body = chat.threads.get().threads[at]?.[which]?.body;
  return body?.kind === "text" ? body.text : "";
};

test("all threads of a chat are listed by their newest answers, with what began them, and follow what comes in", async () => {
  const first = await begin("first thread", "one", "two");
  const second = await begin("second thread", "three");
  await alisChat.loadThreads("first");
  expect(alisChat.threads.get()).toMatchObject({ loading: false, hasMore: false, isPartial: false, threads: [{ rootId: second, count: 1, unread: 1 }, { rootId: first, count: 2, unread: 2 }] });
  expect([textOf(alisChat, 0, "root"), textOf(alisChat, 0, "latest"), textOf(alisChat, 1, "root"), textOf(alisChat, 1, "latest")]).toEqual(["second thread", "three", "first thread", "two"]);
  await answerIn(first, "four");
  await until("the first thread on top", alisChat.threads, ({ threads }) => threads[0]?.rootId === first && threads[0].count === 3 && textOf(alisChat, 0, "latest") === "four");
});

test("a device that has only just come lists threads from before its time, also without the server from then on", async () => {
  const rootId = await begin("long ago", "an old answer");
  for (let at = 0; at < 30; at += 1) sarasChat.sendText(write(`since then ${at}`));
  await untilMessage("the last of them", alisChat, isText("since then 29"));
  const tabletSession = await server.login("ali");
  const tablet = await onlineElsewhere(tabletSession);
  more.push(tablet);
  await untilChat(tablet, alisChat.roomId, ({ membership }) => membership === "join");
  const chat = tablet.openChat(alisChat.roomId);
  await chat.loadThreads("first");
  const listed = await until("the old thread", chat.threads, ({ threads }) => threads.find((thread) => thread.rootId === rootId));
  expect(listed).toMatchObject({ count: 1 });

  await server.kill();
  await ali.openChat(alisChat.roomId).loadThreads("first");
  expect(alisChat.threads.get()).toMatchObject({ loading: false, isPartial: true });
  expect(textOf(alisChat, alisChat.threads.get().threads.findIndex((thread) => thread.rootId === rootId), "root")).toBe("long ago");
  await chat.loadThreads("first");
  expect(chat.threads.get()).toMatchObject({ isPartial: true });
  expect(chat.threads.get().threads.some((thread) => thread.rootId === rootId)).toBe(true);
  await server.up();
});

test("a thread that was read is read on all devices of the account, and the chat itself is not", async () => {
  const rootId = await begin("to be read", "read me");
  const [tablet] = more;
  const tabletsChat = tablet!.openChat(alisChat.roomId);
  await tabletsChat.loadThreads("first");
  await until("the thread on the tablet", tabletsChat.threads, ({ threads }) => threads.some((thread) => thread.rootId === rootId && thread.unread === 1));
  const { unread } = tabletsChat.summary.get();
  expect(unread).toBeGreaterThan(0);

  const thread = alisChat.thread(rootId);
  await untilMessage("the answer", thread, isText("read me"));
  thread.markRead();
  await until("read on the tablet", tabletsChat.threads, ({ threads }) => threads.some((each) => each.rootId === rootId && each.unread === 0));
  expect(alisChat.summary.get().unread).toBeGreaterThan(0);

  await answerIn(rootId, "and me");
  await until("news on the tablet", tabletsChat.threads, ({ threads }) => threads.some((each) => each.rootId === rootId && each.unread === 1));
  await until("news here", alisChat.threads, ({ threads }) => threads.some((each) => each.rootId === rootId && each.unread === 1));
});

test("what was read without the server is told once it is back", async () => {
  const [tablet] = more;
  const tabletsChat = tablet!.openChat(alisChat.roomId);
  const rootId = tabletsChat.threads.get().threads[0]!.rootId;
  await until("the answer here", alisChat.thread(rootId).timeline, () => texts(alisChat.thread(rootId)).includes("and me"));
  await server.kill();
  await until("no server", ali.connection, ({ state }) => state === "offline");
  alisChat.thread(rootId).markRead();
  await until("read here", alisChat.threads, ({ threads }) => threads.find((each) => each.rootId === rootId)?.unread === 0);
  await server.up();
  await until("read on the tablet", tabletsChat.threads, ({ threads }) => threads.find((each) => each.rootId === rootId)?.unread === 0);
});
