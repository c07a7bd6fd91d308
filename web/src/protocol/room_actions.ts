import { ClientEvent, EventType, type MatrixClient, MatrixEvent, retryNetworkOperation, type Room } from "matrix-js-sdk";
import type { Chat } from "@/domain/engine";
import { readShowsTyping } from "@/domain/privacy";
import { Problem } from "@/domain/problem";
import { readList, readRecord } from "@/domain/untrusted";
import type { Account } from "./account";
import { ask } from "./failures";
import { setMute } from "./mutes";
import { ARCHIVE_TAG, directPeers, DISAPPEAR_EVENT, disappearAfterOf, FOLDER_TAG_PREFIX, foldersOf, isMarkedUnread } from "./room_facts";

type Settings = Pick<
  Chat,
  "accept" | "leave" | "forget" | "setListFlags" | "setDisappearAfter" | "rename" | "setTopic" | "setAvatar" | "invite" | "remove" | "ban" | "unban" | "setPowerLevel" | "report" | "markUnread" | "setPinned" | "setTyping"
>;

const PRIVACY_DATA = "org.zajil.privacy";
const PINS_MAX = 100;
const STATE_WAIT_MS_MAX = 3_000;
const STATE_WAIT_STEP_MS = 25;
const SEND_ATTEMPTS = 5;
const TYPING_MS = 20_000;
const TYPING_REPEAT_MS = 12_000;

/** What a chat changes at once, without the queue: its settings and who is in it. Failures are Problems. */
export function buildSettings(account: Account, roomId: string): Settings {
  const { client } = account;
  let typingSentAt = 0;
  const state = async (type: string, content: object) => void (await ask(client.sendStateEvent(roomId, type as never, content as never)));
  return {
    accept: () => acceptInvitation(account, roomId),
    leave: async () => void (await ask(client.leave(roomId))),
    async forget() {
      if (client.getRoom(roomId)?.getMyMembership() === "join") await ask(client.leave(roomId));
      await ask(client.forget(roomId));
      await account.queue.discardRoom(roomId);
      await account.histories.of(roomId).forget();
    },
    setListFlags: (flags) => setListFlags(account, roomId, flags),
    async setDisappearAfter(seconds) {
      const after = Math.max(0, Math.floor(seconds));
      await account.disappearTimers.choose(roomId, after, async () => {
        await state(DISAPPEAR_EVENT, { after_s: after });
        await untilState(client, roomId, (room) => disappearAfterOf(room) === after);
      });
    },
    rename: (name) => state("m.room.name", { name }),
    setTopic: (topic) => state("m.room.topic", { topic }),
    async setAvatar(picture) {
      if (picture === null) return state("m.room.avatar", {});
      const { content_uri: url } = await ask(client.uploadContent(picture, { type: picture.type }));
      await state("m.room.avatar", { url });
    },
    async invite(userIds) {
      for (const userId of userIds) await ask(client.invite(roomId, userId));
    },
    remove: async (userId, reason) => void (await ask(client.kick(roomId, userId, reason))),
    ban: async (userId, reason) => void (await ask(client.ban(roomId, userId, reason))),
    unban: async (userId) => void (await ask(client.unban(roomId, userId))),
    setPowerLevel: async (userId, level) => void (await ask(client.setPowerLevel(roomId, userId, level))),
    async report(eventId, reason) {
      await ask(eventId === null ? client.reportRoom(roomId, reason) : client.reportEvent(roomId, eventId, -100, reason));
    },
    markUnread: () => setMarkedUnread(client, roomId, true),
    async setPinned(eventId, pinned) {
      const content = readRecord(client.getRoom(roomId)?.currentState.getStateEvents("m.room.pinned_events", "")?.getContent());
      const before = readList(content, "pinned", PINS_MAX).filter((id) => typeof id === "string" && id !== eventId);
      await state("m.room.pinned_events", { pinned: pinned ? [...before, eventId].slice(-PINS_MAX) : before });
    },
    setTyping(typing) {
      const now = account.now();
      if (typing && (now - typingSentAt < TYPING_REPEAT_MS || !readShowsTyping(client.getAccountData(PRIVACY_DATA as never)?.getContent()))) return;
      if (!typing && typingSentAt === 0) return;
      typingSentAt = typing ? now : 0;
      void client.sendTyping(roomId, typing, TYPING_MS).catch(() => undefined);
    },
  };
}

/** Waits until sync has brought a change, or long enough. */
async function untilState(client: MatrixClient, roomId: string, holds: (room: Room) => boolean): Promise<void> {
  for (let waited = 0; waited < STATE_WAIT_MS_MAX; waited += STATE_WAIT_STEP_MS) {
    const room = client.getRoom(roomId);
    if (room && holds(room)) return;
    await new Promise((resolve) => setTimeout(resolve, STATE_WAIT_STEP_MS));
  }
}

/** Joins; a person who wrote to us is a contact from then on, on all devices. */
async function acceptInvitation(account: Account, roomId: string): Promise<void> {
  const { client } = account;
  const inviter = client.getRoom(roomId)?.getDMInviter();
  if (inviter === undefined || directPeers(client).get(roomId) === inviter) return void (await ask(client.joinRoom(roomId)));
  // Known here before the room is: else it would be shown as a group's until the account data comes back.
  showDirectChats(client, withDirectChat(client, inviter, roomId));
  try {
    await ask(client.joinRoom(roomId));
  } catch (error) {
    showDirectChats(client, withoutDirectChat(client, inviter, roomId));
    throw error;
  }
  await ask(retryNetworkOperation(SEND_ATTEMPTS, () => client.setAccountDataRaw(EventType.Direct, withDirectChat(client, inviter, roomId))));
}

export async function addDirectChat(client: MatrixClient, userId: string, roomId: string): Promise<void> {
  if (directPeers(client).get(roomId) === userId) return;
  await ask(client.setAccountData(EventType.Direct, withDirectChat(client, userId, roomId)));
}

/** The content of `m.direct` as it is known now, with one more chat. */
function withDirectChat(client: MatrixClient, userId: string, roomId: string): Record<string, string[]> {
  const content = withoutDirectChat(client, userId, roomId);
  return { ...content, [userId]: [...(content[userId] ?? []), roomId] };
}

function withoutDirectChat(client: MatrixClient, userId: string, roomId: string): Record<string, string[]> {
  const content = { ...client.getAccountData(EventType.Direct)?.getContent() } as Record<string, string[]>;
  const rooms: unknown = content[userId];
  return { ...content, [userId]: Array.isArray(rooms) ? rooms.filter((each): each is string => typeof each === "string" && each !== roomId) : [] };
}

/** Takes `m.direct` to be this on this device, as if sync had said so. */
function showDirectChats(client: MatrixClient, content: Record<string, string[]>): void {
  const before = client.getAccountData(EventType.Direct);
  const event = new MatrixEvent({ type: EventType.Direct, content });
  client.store.storeAccountDataEvents([event]);
  client.emit(ClientEvent.AccountData, event, before);
}

async function setListFlags(account: Account, roomId: string, flags: Parameters<Chat["setListFlags"]>[0]): Promise<void> {
  const { client } = account;
  const room = client.getRoom(roomId);
  if (!room) throw new Problem("not_found");
  const setTag = (tag: string, on: boolean) => ask<unknown>(on ? client.setRoomTag(roomId, tag, {}) : client.deleteRoomTag(roomId, tag));
  if (flags.pinned !== undefined) await setTag("m.favourite", flags.pinned);
  if (flags.archived !== undefined) await setTag(ARCHIVE_TAG, flags.archived);
  if (flags.folders !== undefined) {
    const wanted = new Set(flags.folders);
    const before = foldersOf(room);
    for (const folder of before) if (!wanted.has(folder)) await setTag(FOLDER_TAG_PREFIX + folder, false);
    for (const folder of wanted) if (!before.includes(folder)) await setTag(FOLDER_TAG_PREFIX + folder, true);
  }
  if (flags.mutedUntil !== undefined) await setMute(account, roomId, flags.mutedUntil);
}

export async function setMarkedUnread(client: MatrixClient, roomId: string, unread: boolean): Promise<void> {
  const room = client.getRoom(roomId);
  if (room && isMarkedUnread(room) === unread) return;
  await ask(client.setRoomAccountData(roomId, "m.marked_unread" as never, { unread } as never));
}
