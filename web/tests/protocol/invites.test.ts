import { beforeAll, expect, test } from "vitest";
import type { Engine } from "@/domain/engine";
import { gather, isText, online, until, untilAnswered, untilChat, untilMessage, write } from "./engines";

const gathering = gather();
const { arrive } = gathering;
let ali: Engine;
let sara: Engine;

beforeAll(async () => {
  [ali, sara] = [await arrive("ali"), await arrive("sara")];
});

async function makeGroup(access: "private" | "knock" = "private"): Promise<string> {
  const roomId = await ali.createGroup({ kind: "group", name: "Loft", topic: "Pigeons", invite: [], access });
  await untilChat(ali, roomId, ({ encrypted }) => encrypted);
  return roomId;
}

test("a link is made, kept on this device, looked at, followed, counted and revoked", async () => {
  const roomId = await makeGroup();
  const link = await ali.invites.make(roomId, { usesMax: 1, lifetimeMs: 3_600_000 });
  expect(await ali.invites.list(roomId)).toMatchObject([{ linkId: link.linkId, token: link.token, uses: 0, usesMax: 1 }]);
  const target = { room: roomId, via: ali.invites.via(roomId), token: link.token };
  expect(await sara.invites.preview(target)).toMatchObject({ name: "Loft", topic: "Pigeons", membersCount: 1, encrypted: true, access: "invite" });
  await expect(sara.invites.preview({ ...target, token: "wrong" })).rejects.toMatchObject({ code: "link_wrong" });
  expect(await sara.invites.preview({ room: roomId, via: [] })).toBeUndefined();
  expect(await sara.invites.join(target)).toEqual({ result: "joined", roomId });
  await untilChat(sara, roomId, ({ membership }) => membership === "join");
  await untilChat(ali, roomId, ({ membersCount }) => membersCount === 2);
  ali.openChat(roomId).sendText(write("welcome"));
  await untilMessage("the welcome", sara.openChat(roomId), isText("welcome"));
  await sara.openChat(roomId).leave();
  await expect(sara.invites.join(target)).rejects.toMatchObject({ code: "link_used_up" });
  await ali.invites.revoke(roomId, link.linkId);
  expect(await ali.invites.list(roomId)).toEqual([]);
  await expect(sara.invites.join(target)).rejects.toMatchObject({ code: "link_wrong" });
});

test("a link leads into the room that took its room's place, where it is listed with its token", async () => {
  const session = await gathering.server.register("carla");
  const carla = gathering.add(await online(session));
  const roomId = await carla.createGroup({ kind: "group", name: "Tower", invite: [], access: "private" });
  const { token, linkId } = await carla.invites.make(roomId, {});
  const answer = await fetch(`${session.baseUrl}/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/upgrade`, { method: "POST", headers: { Authorization: `Bearer ${session.accessToken}` }, body: JSON.stringify({ new_version: "12" }) });
  const { replacement_room: successor } = (await answer.json()) as { readonly replacement_room: string };
  await untilChat(carla, successor);
  const target = { room: roomId, via: [], token };
  expect(await sara.invites.preview(target)).toMatchObject({ roomId: successor, name: "Tower" });
  expect(await sara.invites.join(target)).toEqual({ result: "joined", roomId: successor });
  await untilChat(sara, successor, ({ membership }) => membership === "join");
  expect(await carla.invites.list(successor)).toMatchObject([{ linkId, token, uses: 1 }]);
  // Who is in both is led on without a token.
  expect(await carla.invites.preview({ room: roomId, via: [] })).toMatchObject({ roomId: successor, membership: "join" });
});

test("who knocks is let in", async () => {
  const roomId = await makeGroup("knock");
  expect(await sara.invites.preview({ room: roomId, via: ["localhost"] })).toMatchObject({ access: "knock" });
  expect(await sara.invites.join({ room: roomId, via: ["localhost"] }, "it is me")).toEqual({ result: "knocked", roomId });
  const knock = await until("the knock", ali.openChat(roomId).members, (members) => members.find(({ membership }) => membership === "knock"));
  expect(knock.userId).toBe(sara.userId);
  await ali.care(roomId).admit(sara.userId);
  await untilChat(sara, roomId, ({ membership }) => membership === "invite");
});

test("access and permissions are changed and read again", async () => {
  const roomId = await makeGroup();
  const care = ali.care(roomId);
  await care.setAccess("public");
  await until("public", care.details, ({ access }) => access === "public");
  await care.setPermission("send", "moderators");
  await until("announce only", care.details, ({ powers }) => powers.send === 50);
  await untilChat(ali, roomId, ({ kind }) => kind === "channel");
});

test("a community's members join the chats that were made in it", async () => {
  const communityId = await ali.createGroup({ kind: "community", name: "Club", invite: [sara.userId], access: "private" });
  const roomId = await ali.communities.createChat(communityId, { kind: "group", name: "Races", invite: [], access: "private" });
  await untilChat(sara, communityId, ({ membership }) => membership === "invite");
  await expect(sara.invites.join({ room: roomId, via: [] })).rejects.toMatchObject({ code: "join_refused" });
  await sara.openChat(communityId).accept();
  await untilChat(sara, communityId, ({ membership, kind }) => membership === "join" && kind === "community");
  expect(await sara.communities.load(communityId)).toMatchObject([{ roomId, name: "Races", access: "restricted" }]);
  expect(await sara.join(roomId, [])).toBe("joined");
  await untilChat(sara, roomId, ({ parents }) => parents.includes(communityId));
  await ali.communities.remove(communityId, roomId);
  expect(await sara.communities.load(communityId)).toEqual([]);
});

test("people, their devices, shared rooms, and what is kept of a chat", async () => {
  const roomId = await ali.startDirectChat(sara.userId);
  await untilChat(sara, roomId, ({ membership, avatar }) => membership === "invite" && avatar === undefined);
  await sara.openChat(roomId).accept();
  await until("known", sara.people.person(ali.userId), ({ trust }) => trust === "known");
  await until("the direct chat", sara.people.person(ali.userId), () => sara.people.directChat(ali.userId) === roomId);
  expect(await sara.people.loadSharedRooms(ali.userId)).toContain(roomId);
  // Ali's device is signed in the background, and Sara's looks that up when it is told of it.
  const devices = await untilAnswered("Ali's device signed", () => sara.people.loadDevices(ali.userId), (all) => all[0]?.verified && all);
  expect(devices).toMatchObject([{ deviceId: ali.deviceId }]);
  await sara.setBlocked(ali.userId, true);
  await until("blocked", sara.people.person(ali.userId), ({ blocked }) => blocked);
  await sara.setBlocked(ali.userId, false);
  await sara.people.report(ali.userId, "spam");
  const chat = ali.openChat(roomId);
  chat.sendText(write("see https://example.org/page"));
  const message = await untilMessage("the link", chat, ({ status, body }) => body.kind === "text" && status !== "waiting" && status !== "sending");
  // The gallery reads what is kept, which follows what is shown.
  await untilAnswered("the link in the gallery", () => ali.care(roomId).loadGallery("links"), ({ messages }) => messages.length === 1 && messages[0]?.eventId === message.eventId);
  expect((await ali.care(roomId).loadGallery("media")).messages).toEqual([]);
  await chat.setStarred(message.eventId!, true);
  await until("the star", ali.care(roomId).details, ({ starred }) => starred.includes(message.eventId!));
});

test("a list sends to each in their own chat", async () => {
  await ali.lists.save({ id: "1", name: "All", userIds: [sara.userId] });
  const list = await until("the list", ali.lists.lists, (lists) => lists[0]);
  await ali.lists.send(list, "to everybody", () => undefined);
  const roomId = ali.people.directChat(sara.userId)!;
  await untilMessage("the broadcast", sara.openChat(roomId), isText("to everybody"));
  await ali.lists.remove("1");
  await until("no list", ali.lists.lists, (lists) => lists.length === 0 && lists);
});
