import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { loadWarmList } from "@/protocol/warm_list";
import { isText, meet, online, untilChat, untilMessage, write } from "./engines";
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
