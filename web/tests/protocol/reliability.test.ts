import { expect, test } from "vitest";
import { startEngine } from "@/protocol/start_engine";
import { gather, isText, meet, messages, online, texts, until, untilMessage, write } from "./engines";

const gathering = gather();
const { arrive, add } = gathering;

test("what is written while the server is dead arrives once and in order, also after a restart of the client", async () => {
  const { server } = gathering;
  const alisSession = await server.register("ali");
  let ali = add(await online(alisSession));
  const sara = await arrive("sara");
  const [alisChat, sarasChat] = await meet(ali, sara);
  const { roomId } = alisChat;
  alisChat.sendText(write("before"));
  await untilMessage("the first message", sarasChat, isText("before"));
  await until("the first message held", alisChat.timeline, () => messages(alisChat).every(({ status }) => status !== "waiting" && status !== "sending"));

  // Killed while messages are on their way.
  for (let number = 1; number <= 5; number += 1) alisChat.sendText(write(`message ${number}`));
  await server.kill();
  await until("Ali offline", ali.connection, ({ state }) => state === "offline");
  for (let number = 6; number <= 10; number += 1) alisChat.sendText(write(`message ${number}`));
  await until("all in the timeline", alisChat.timeline, () => texts(alisChat).length === 11);
  await ali.stop();

  // The client starts without a server: all that was seen, and all that waits, is there.
  ali = add(await startEngine(alisSession));
  expect(ali.chats.get().map((chat) => chat.roomId)).toEqual([roomId]);
  const again = ali.openChat(roomId);
  await until("everything after the restart", again.timeline, () => texts(again).length === 11);
  expect(messages(again).filter(({ status }) => status === "waiting" || status === "sending").length).toBeGreaterThanOrEqual(5);

  await server.up();
  await untilMessage("the last message", sarasChat, isText("message 10"));
  const expected = ["before", ...Array.from({ length: 10 }, (_, index) => `message ${index + 1}`)];
  expect(texts(sarasChat)).toEqual(expected);
  await until("nothing waiting any more", again.timeline, () => messages(again).every(({ status }) => status !== "waiting" && status !== "sending"));
  expect(texts(again)).toEqual(expected);
  expect(new Set(messages(again).map(({ id }) => id)).size).toBe(11);
});

test("after a long absence the hole in the history closes by itself, and nothing is missing or twice", async () => {
  const nooraSession = await gathering.server.register("noora");
  let noora = add(await online(nooraSession));
  const omar = await arrive("omar");
  const [noorasChat, omarsChat] = await meet(noora, omar);
  const { roomId } = noorasChat;
  omarsChat.sendText(write("before the absence"));
  await untilMessage("the first message", noorasChat, isText("before the absence"));
  await noora.stop();

  const lines = Array.from({ length: 150 }, (_, index) => `line ${index}`);
  for (const line of lines) omarsChat.sendText(write(line));
  await until("all lines sent", omarsChat.timeline, () => messages(omarsChat).every(({ status }) => status !== "waiting" && status !== "sending"));

  noora = add(await startEngine(nooraSession));
  const chat = noora.openChat(roomId);
  await untilMessage("what was known at once", chat, isText("before the absence"));
  await untilMessage("the newest line", chat, isText("line 149"));
  await until("no hole", chat.timeline, ({ items }) => items.every(({ type }) => type !== "gap") && texts(chat).length === 151);
  expect(texts(chat)).toEqual(["before the absence", ...lines]);
});
