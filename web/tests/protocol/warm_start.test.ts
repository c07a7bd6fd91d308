import { expect, test } from "vitest";
import { startEngine } from "@/protocol/start_engine";
import { gather, isText, meet, online, texts, until, untilMessage, write } from "./engines";
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

test("who has just accepted an invitation can open everything without a server, and goes on when it is there again", async () => {
  const { server, add, arrive } = gathering;
  await server.up();
  const session = await server.register("noor");
  const [ali, noor] = [await arrive("ali"), add(await online(session))];
  const [alisChat] = await meet(ali, noor);
  await noor.stop();
  await server.kill();
  const again = add(await startEngine(session));
  const { state } = await until("the start", again.connection, (connection) => connection.state !== "starting" && connection);
  expect(state).toBe("offline");
  await server.up();
  alisChat.sendText(write("back again"));
  await untilMessage("what was written meanwhile", again.openChat(alisChat.roomId), isText("back again"));
});
