import { EventType, type MatrixClient, type Room, RoomType } from "matrix-js-sdk";
import type { ChatKind, Person } from "@/domain/engine";
import type { MediaSource } from "@/domain/message";
import { parseDisappearAfter } from "@/domain/message_envelope";
import { readField, readInteger, readRecord, readString } from "@/domain/untrusted";
import { localpart, memberName } from "./event_adapter";
import type { TrustLevels } from "./trust";

export const DISAPPEAR_EVENT = "org.zajil.disappear";
export const ARCHIVE_TAG = "u.archive";
export const FOLDER_TAG_PREFIX = "u.folder.";
export const MUTE_DATA = "org.zajil.mute";

/** With whom each direct chat is, from `m.direct`. */
export function directPeers(client: MatrixClient): Map<string, string> {
  const peers = new Map<string, string>();
  for (const [userId, rooms] of Object.entries(client.getAccountData(EventType.Direct)?.getContent() ?? {})) {
    if (!Array.isArray(rooms)) continue;
    for (const roomId of rooms) if (typeof roomId === "string") peers.set(roomId, userId);
  }
  return peers;
}

export function kindOf(room: Room, peer: string | undefined, ownUserId: string): ChatKind {
  if (room.getType() === RoomType.Space) return "community";
  if (peer !== undefined) return peer === ownUserId ? "notes" : "direct";
  const levels = readRecord(room.currentState.getStateEvents("m.room.power_levels", "")?.getContent());
  const usersDefault = readInteger(levels, "users_default", -1_000, 1_000_000) ?? 0;
  const eventsDefault = readInteger(levels, "events_default", -1_000, 1_000_000) ?? 0;
  return eventsDefault > usersDefault ? "channel" : "group";
}

/** The other person of a direct chat, also while they or we are only invited. */
export function peerOf(room: Room, direct: ReadonlyMap<string, string>): string | undefined {
  return direct.get(room.roomId) ?? (room.getMyMembership() === "invite" ? room.getDMInviter() : undefined);
}

export function buildPerson(client: MatrixClient, trust: TrustLevels, userId: string, room?: Room | null): Person {
  const member = room?.getMember(userId);
  const user = client.getUser(userId);
  const { level, identityChanged } = trust.of(userId);
  const avatar = mediaOf(member?.getMxcAvatarUrl() ?? user?.avatarUrl);
  return {
    userId,
    name: memberName(member) ?? nameOfUser(user?.displayName, userId),
    ...(avatar ? { avatar } : {}),
    trust: level,
    ...(identityChanged ? { identityChanged } : {}),
  };
}

function nameOfUser(name: string | undefined, userId: string): string {
  return name === undefined || name === "" || name === userId ? localpart(userId) : name;
}

export function mediaOf(mxc: string | null | undefined): MediaSource | undefined {
  return mxc?.startsWith("mxc://") ? { mxc, mimeType: "image/*", size: 0 } : undefined;
}

export function disappearAfterOf(room: Room): number {
  return parseDisappearAfter(readRecord(room.currentState.getStateEvents(DISAPPEAR_EVENT, "")?.getContent()));
}

/** Until when (ms since 1970) the chat is mute; undefined if it is not. */
export function mutedUntilOf(client: MatrixClient, room: Room, now: number): number | undefined {
  const until = readInteger(readRecord(room.getAccountData(MUTE_DATA)?.getContent()), "until", 0, Number.MAX_SAFE_INTEGER);
  if (until !== undefined) return until > now ? until : undefined;
  // A rule that another client has made.
  const rules = client.pushRules?.global?.override ?? [];
  const rule = rules.find(({ rule_id }) => rule_id === room.roomId);
  const isMuting = rule?.enabled === true && !rule.actions.includes("notify" as never);
  return isMuting ? Number.MAX_SAFE_INTEGER : undefined;
}

export function foldersOf(room: Room): readonly string[] {
  return Object.keys(room.tags)
    .filter((tag) => tag.startsWith(FOLDER_TAG_PREFIX))
    .map((tag) => tag.slice(FOLDER_TAG_PREFIX.length));
}

export function isMarkedUnread(room: Room): boolean {
  const content = room.getAccountData("m.marked_unread") ?? room.getAccountData("com.famedly.marked_unread");
  return readField(readRecord(content?.getContent()), "unread") === true;
}

export function topicOf(room: Room): string {
  return readString(readRecord(room.currentState.getStateEvents("m.room.topic", "")?.getContent()), "topic") ?? "";
}
