import { ClientEvent, EventTimeline, type IRoomTimelineData, MatrixEventEvent, type MatrixEvent, type Room, RoomEvent, RoomMemberEvent, RoomStateEvent, UserEvent, type MatrixClient } from "matrix-js-sdk";
import { CryptoEvent } from "matrix-js-sdk/lib/crypto-api";
import { parseEnvelope } from "@/domain/message_envelope";
import { parseRelation } from "@/domain/relation";
import { VIEWED_EVENT } from "./chat_actions";
import { MUTE_DATA } from "./room_facts";
import type { RunningEngine } from "./running_engine";

const SDK_EVENTS_MAX = 150;
const SDK_EVENTS_KEPT = 100;

type Listeners = readonly (readonly [string, (...parts: never[]) => void])[];

/** Tells the parts of the engine what the SDK hears. Returns the function that ends it. */
export function watchClient(engine: RunningEngine): () => void {
  const { client } = engine.account;
  const listeners: Listeners = [...historyListeners(engine), ...roomListeners(engine), ...peopleListeners(engine)];
  const emitter = client as unknown as { on(name: string, listener: unknown): void; off(name: string, listener: unknown): void };
  for (const [name, listener] of listeners) emitter.on(name, listener);
  return () => {
    for (const [name, listener] of listeners) emitter.off(name, listener);
  };
}

function historyListeners(engine: RunningEngine): Listeners {
  const { histories, receipts } = engine.account;
  /** Rooms whose next event comes after a hole. */
  const gaps = new Set<string>();
  const known = new Set<string>();
  return [
    [
      RoomEvent.Timeline,
      (event: MatrixEvent, room: Room | undefined, toStart: boolean | undefined, removed: boolean, data: IRoomTimelineData) => {
        if (!room || toStart || removed) return;
        const { roomId } = room;
        const isFirst = !known.has(roomId) || gaps.has(roomId);
        known.add(roomId);
        gaps.delete(roomId);
        // From the cache of the last run, so it is in the archive; see SyncGate.
        if (!data.liveEvent) return;
        const token = isFirst ? room.getLiveTimeline().getPaginationToken(EventTimeline.BACKWARDS) : null;
        engine.gate.follow(takeEvent(engine, event, roomId, token));
      },
    ],
    [RoomEvent.TimelineReset, (room: Room | undefined) => void (room && gaps.add(room.roomId))],
    [
      MatrixEventEvent.Decrypted,
      (event: MatrixEvent) => {
        engine.lateKeys.take(event);
        void histories.of(event.getRoomId() ?? "").update(event).catch(() => undefined);
      },
    ],
    [
      RoomEvent.Receipt,
      (event: MatrixEvent, room: Room) => {
        receipts.acceptReceipts(room.roomId, event.getContent());
        engine.threads.acceptReceipts(room.roomId, event.getContent());
      },
    ],
  ];
}

async function takeEvent(engine: RunningEngine, event: MatrixEvent, roomId: string, gapToken: string | null): Promise<void> {
  const { queue, histories, userId, client } = engine.account;
  await histories.of(roomId).append(event, gapToken);
  trimTimeline(client.getRoom(roomId));
  if (event.getSender() === userId) {
    const transactionId = event.getUnsigned().transaction_id;
    const item = queue.items.get().find(({ id, eventId }) => id === transactionId || (eventId !== undefined && eventId === event.getId()));
    if (item) await queue.settle(item.id);
  } else if (event.getType() === VIEWED_EVENT) {
    await takeBackViewed(engine, event, roomId);
  }
}

/** The history is ours; what the SDK keeps besides would only grow. */
function trimTimeline(room: Room | null): void {
  const events = room?.getLiveTimeline().getEvents() ?? [];
  if (!room || events.length <= SDK_EVENTS_MAX) return;
  for (const event of events.slice(0, events.length - SDK_EVENTS_KEPT)) room.getUnfilteredTimelineSet().removeEvent(event.getId() ?? "");
}

/** The one other person of a direct chat has seen what was to be seen once: it goes from the server too. */
async function takeBackViewed(engine: RunningEngine, event: MatrixEvent, roomId: string): Promise<void> {
  const { histories, queue, userId, client } = engine.account;
  const target = parseRelation(event.getOriginalContent())?.eventId;
  const record = target === undefined ? undefined : await histories.of(roomId).find(target);
  if (record?.sender !== userId || record.redactedBy !== undefined || !parseEnvelope(record.content).viewOnce) return;
  if ((client.getRoom(roomId)?.getJoinedMemberCount() ?? 0) > 2) return;
  await queue.add({ roomId, type: "m.room.redaction", content: {}, redacts: record.eventId });
}

function roomListeners(engine: RunningEngine): Listeners {
  const { account, list } = engine;
  const { client } = account;
  const touch = (room: Room | undefined) => void (room && list.touch(room.roomId));
  account.receipts.listen((roomId) => void engine.ticksOf(roomId).refresh());
  return [
    [
      ClientEvent.Room,
      (room: Room) => {
        touch(room);
        engine.openedChat(room.roomId)?.takeRoom();
      },
    ],
    [RoomEvent.Name, touch],
    [RoomEvent.Summary, touch],
    [
      RoomEvent.MyMembership,
      (room: Room) => {
        touch(room);
        if (room.getMyMembership() === "join") engine.openedChat(room.roomId)?.takeRoom();
        // A community's children come together with it, before we count as its member.
        if (room.isSpaceRoom()) list.refreshParents();
      },
    ],
    [RoomEvent.UnreadNotifications, () => touchUnread(client, list)],
    [RoomEvent.Tags, (_event: MatrixEvent, room: Room) => touch(room)],
    [
      RoomEvent.AccountData,
      (event: MatrixEvent, room: Room) => {
        touch(room);
        if (event.getType() === MUTE_DATA) engine.mutes.check();
        engine.openedChat(room.roomId)?.touchAll();
      },
    ],
    [ClientEvent.DeleteRoom, (roomId: string) => list.touch(roomId)],
    [ClientEvent.AccountData, (event: MatrixEvent) => void ((event.getType() === "m.direct" || event.getType() === "m.push_rules") && list.touchAll())],
    [
      RoomStateEvent.Events,
      (event: MatrixEvent) => {
        const roomId = event.getRoomId() ?? "";
        list.touch(roomId);
        if (event.getType() === "m.space.child") list.refreshParents();
        if (event.getType() === "m.room.pinned_events") engine.openedChat(roomId)?.touchAll();
        if (event.getType() === "m.room.member" || event.getType() === "m.room.power_levels") engine.openedChat(roomId)?.refreshMembers();
      },
    ],
    [RoomMemberEvent.Typing, (_event: MatrixEvent, member: { readonly roomId: string }) => list.touch(member.roomId)],
    [
      ClientEvent.Sync,
      (state: string, _before: unknown, data?: { readonly fromCache?: boolean }) => {
        engine.gate.processed();
        if (!data?.fromCache && (state === "PREPARED" || state === "SYNCING")) list.complete();
        if (state !== "PREPARED") return;
        list.begin();
        list.refreshParents();
        engine.mutes.check();
      },
    ],
  ];
}

function touchUnread(client: MatrixClient, list: RunningEngine["list"]): void {
  for (const room of client.getRooms()) {
    const summary = list.summary(room.roomId);
    if (summary && (summary.unread !== room.getUnreadNotificationCount("total" as never) || summary.mentions !== room.getUnreadNotificationCount("highlight" as never))) list.touch(room.roomId);
  }
}

function peopleListeners(engine: RunningEngine): Listeners {
  const { trust } = engine.account;
  trust.listen((userId) => {
    for (const summary of engine.list.chats.get()) if (summary.peer?.userId === userId || summary.inviter?.userId === userId) engine.list.touch(summary.roomId);
    for (const open of engine.openedChats) open.refreshMembers();
  });
  const presence = () => {
    for (const open of engine.openedChats) open.refreshMembers();
  };
  const recheck = (userIds: readonly string[]) => {
    for (const open of engine.openedChats) open.recheckShields(userIds);
  };
  return [
    [CryptoEvent.UserTrustStatusChanged, (userId: string) => void (trust.refresh(userId), recheck([userId]))],
    [CryptoEvent.DevicesUpdated, (userIds: readonly string[]) => recheck(userIds)],
    [UserEvent.Presence, presence],
    [UserEvent.LastPresenceTs, presence],
  ];
}
