import { afterAll, beforeAll, expect, test } from "vitest";
import type { Engine } from "@/domain/engine";
import { guardedContent } from "@/domain/forward_guard/guarded_content";
import { isText, meet, online, onlineElsewhere, until, untilChat, untilMessage, write } from "./engines";
import { TestServer } from "./server";

const LETTER = "Forward this to everybody you know before midnight or the service will be cut off for you and all of your friends";

let server: TestServer;
const engines: Engine[] = [];

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(async () => {
  await Promise.all(engines.map((engine) => engine.stop()));
  await server.stop();
});

test("what one device forwards, the other devices of the account count as well", async () => {
  const [ali, sara] = [await online(await server.register("ali")), await online(await server.register("sara"))];
  const tablet = await onlineElsewhere(await server.login("ali"));
  engines.push(ali, sara, tablet);
  const [alisChat, sarasChat] = await meet(ali, sara);
  await untilChat(tablet, alisChat.roomId, ({ membership, encrypted }) => membership === "join" && encrypted);
  const groupId = await ali.createGroup({ kind: "group", name: "Friends", invite: [], access: "private" });
  await untilChat(tablet, groupId, ({ membership, encrypted }) => membership === "join" && encrypted);

  sarasChat.sendText({ ...write(LETTER), hop: 1 });
  const received = await untilMessage("the letter on the tablet", tablet.openChat(alisChat.roomId), isText(LETTER));
  const content = guardedContent(received.body);
  expect(tablet.guard.inspectForward(content, received.hop)).toMatchObject({ chatsLeft: 5, groupsLeft: 1 });

  // What the views do when the first device passes it on to the group, and to a chat.
  ali.guard.recordForward(content, [{ roomId: groupId, isGroup: true }, { roomId: alisChat.roomId, isGroup: false }]);
  ali.openChat(groupId).sendText({ ...write(LETTER), hop: 2 });
  alisChat.sendText({ ...write(LETTER), hop: 2 });
  await untilMessage("the copy in the group, on the tablet", tablet.openChat(groupId), isText(LETTER));
  await expect.poll(() => tablet.guard.inspectForward(content, received.hop)).toMatchObject({ effectiveHop: 1, chatsLeft: 3, groupsLeft: 0 });
  await until("the copies here", ali.openChat(groupId).timeline, ({ items }) => items.some((item) => item.type === "message" && item.message.status !== "waiting" && item.message.status !== "sending"));
  expect(ali.guard.inspectForward(content, received.hop)).toMatchObject({ effectiveHop: 1, chatsLeft: 3, groupsLeft: 0 });
});
