import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { loadWarmList, SAVED_CHATS } from "@/protocol/warm_list";
import { engineDatabaseName, openEngineDatabase } from "@/platform/engine_database";
import { startEngine } from "@/protocol/start_engine";
import { isText, meet, online, texts, until, untilChat, untilMessage, write } from "./engines";
import { TestServer } from "./server";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.stop());

test("the list of the last time is read without the engine, typing left out", async () => {
  const [ali, sara] = [await online(await server.register("ali")), await online(await server.register("sara"))];
  expect((await loadWarmList("@nobody:localhost")).chats).toEqual([]);
  const [alisChat, sarasChat] = await meet(ali, sara);
  sarasChat.sendText(write("the newest"));
  await untilMessage("the message", alisChat, isText("the newest"));
  sarasChat.setTyping(true);
  await untilChat(ali, alisChat.roomId, ({ typing, last }) => typing.length === 1 && last?.message.body.kind === "text");
  await ali.stop();
  const { chats, profile } = await loadWarmList(ali.userId);
  expect(chats).toMatchObject([{ roomId: alisChat.roomId, typing: [], last: { message: { body: { text: "the newest" } } } }]);
  expect(profile).toMatchObject({ userId: ali.userId });
  await sara.stop();
});

test("a chat that is opened before the rest is loaded keeps its line of the list, with its newest message", async () => {
  const session = await server.register("huda");
  const [huda, omar] = [await online(session), await online(await server.register("omar"))];
  const [hudasChat, omarsChat] = await meet(huda, omar);
  hudasChat.sendText(write("the newest"));
  await untilMessage("the message", omarsChat, isText("the newest"));
  omarsChat.markRead();
  await untilMessage("its tick", hudasChat, (message) => isText("the newest")(message) && message.status === "read");
  await until("the list", huda.chats, ([chat]) => chat?.last?.message.status === "read");
  await huda.stop();

  const again = await startEngine(session);
  const shown: string[] = [];
  again.chats.subscribe(() => {
    const body = again.chats.get()[0]?.last?.message.body;
    shown.push(body?.kind === "text" ? body.text : "nothing");
  });
  const chat = again.openChat(hudasChat.roomId);
  await until("the history", chat.timeline, () => texts(chat).includes("the newest"));
  omarsChat.sendText(write("one more"));
  await until("the next message", again.chats, () => shown.at(-1) === "one more");
  expect(new Set(shown)).toEqual(new Set(["the newest", "one more"]));
  await Promise.all([again.stop(), omar.stop()]);
});

test("a list that was not saved in time is put right from the archive: what was deleted does not come back", async () => {
  const session = await server.register("noor");
  const noor = await online(session);
  const roomId = await noor.createGroup({ kind: "group", name: "Notes", invite: [], access: "private" });
  const chat = noor.openChat(roomId);
  chat.sendText(write("a secret"));
  const secret = await untilMessage("the message", chat, (message) => isText("a secret")(message) && message.status === "held");
  await untilChat(noor, roomId, ({ last }) => last?.message.eventId === secret.eventId);
  await noor.stop();
  const stale = await savedList(session.userId);

  const again = await online(session);
  await again.openChat(roomId).deleteForMe(secret.eventId!);
  await untilChat(again, roomId, ({ last }) => last === undefined);
  await again.stop();
  await stale.putBack();
  expect((await loadWarmList(session.userId)).chats).toMatchObject([{ last: { message: { body: { text: "a secret" } } } }]);
  // Without a server nothing else can bring it up to date.
  await server.kill();
  const third = await startEngine(session);
  await untilChat(third, roomId, ({ last }) => last === undefined);
  await third.stop();
});

/** The list as it is on the disk now, and how to have it there again. */
async function savedList(userId: string): Promise<{ readonly putBack: () => Promise<void> }> {
  const open = () => openEngineDatabase(engineDatabaseName(userId));
  const database = await open();
  const saved = await database.get("values", SAVED_CHATS);
  database.close();
  return {
    async putBack() {
      const later = await open();
      await later.put("values", saved, SAVED_CHATS);
      later.close();
    },
  };
}
