import { expect, test } from "vitest";
import { gather, texts, until } from "./engines";
import { leaveManyChats, NEWEST } from "./many_chats";

const CHATS = 30;

const gathering = gather();

test("a warm start shows all chats at once, and opens any of them, without a server", async () => {
  const { newest, start } = await leaveManyChats(gathering, CHATS);
  const engine = await start();
  expect(engine.chats.get()).toHaveLength(CHATS);
  expect(engine.chats.get()[0]).toMatchObject({ name: `Group ${CHATS - 1}`, last: { message: { body: { kind: "text", text: NEWEST } } } });
  const chat = engine.openChat(newest);
  await until("the newest message", chat.timeline, () => texts(chat).at(-1) === NEWEST);
});
