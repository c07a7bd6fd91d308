import { beforeAll, expect, test } from "vitest";
import type { Chat } from "@/domain/engine";
import { bringTogether, gather, isText, texts, until, untilMessage, write } from "./engines";
import "./upload_request";

const gathering = gather();
let alisChat: Chat;
let sarasChat: Chat;

beforeAll(async () => {
  ({ alisChat, sarasChat } = await bringTogether(gathering));
});

test("a thread is a chat of its own under its message, counted and read apart", async () => {
  alisChat.sendText(write("the beginning"));
  const root = await untilMessage("the message", sarasChat, isText("the beginning"));
  const sarasThread = sarasChat.thread(root.eventId!);
  await until("the first message in the thread", sarasThread.timeline, () => texts(sarasThread).includes("the beginning"));
  sarasThread.sendText(write("an answer"));
  const counted = await untilMessage("the thread at Ali's", alisChat, (message) => message.eventId === root.eventId && message.thread?.count === 1);
  expect(counted.thread?.unread).toBe(1);
  expect(texts(alisChat)).not.toContain("an answer");
  const alisThread = alisChat.thread(root.eventId!);
  const answer = await untilMessage("the answer", alisThread, isText("an answer"));
  await until("the message and its answer", alisThread.timeline, () => texts(alisThread).join() === "the beginning,an answer");
  alisThread.markRead();
  await untilMessage("read", alisChat, (message) => message.eventId === root.eventId && message.thread?.unread === 0);
  alisThread.react(answer.eventId!, "👍");
  await untilMessage("a reaction in the thread", sarasThread, (message) => message.eventId === answer.eventId && message.reactions.some(({ key }) => key === "👍"));
  await untilMessage("the thread at Sara's, without news", sarasChat, (message) => message.eventId === root.eventId && message.thread?.count === 1 && message.thread.unread === 0);
});

test("a scheduled text goes out at its time, once, and is no longer listed", async () => {
  alisChat.schedule(write("good morning"), Date.now() + 700);
  alisChat.schedule(write("never"), Date.now() + 3_600_000);
  expect(alisChat.scheduled.get().map(({ text }) => text.markdown)).toEqual(["good morning", "never"]);
  alisChat.unschedule(alisChat.scheduled.get()[1]!.id);
  expect(texts(alisChat)).not.toContain("good morning");
  await untilMessage("the text at Sara's", sarasChat, isText("good morning"));
  await until("nothing scheduled", alisChat.scheduled, (scheduled) => scheduled.length === 0);
  expect(texts(sarasChat).filter((text) => text === "good morning")).toHaveLength(1);
});
