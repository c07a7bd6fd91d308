import { cleanName, cleanText } from "./bidi";
import type { MediaSource } from "./message";
import type { RoomAccess } from "./room_powers";
import { readField, readInteger, readList, readRecord, readString, readToken } from "./untrusted";

/** A link into a room; the token is known only to who made it, on the device it was made on. */
export interface InviteLink {
  readonly linkId: string;
  readonly maker: string;
  readonly createdAt: number;
  readonly expiresAt?: number;
  readonly usesMax?: number;
  readonly uses: number;
  readonly token?: string;
}

export interface NewInviteLink {
  readonly lifetimeMs?: number;
  readonly usesMax?: number;
}

/** What may be known of a room before joining it. */
export interface RoomPreview {
  readonly roomId: string;
  readonly name: string;
  readonly topic: string;
  readonly avatar?: MediaSource;
  readonly membersCount: number;
  readonly isCommunity: boolean;
  readonly encrypted: boolean;
  readonly access: RoomAccess;
  readonly membership?: string;
}

export interface InviteTarget {
  readonly room: string;
  readonly via: readonly string[];
  readonly token?: string | undefined;
}

export interface Invites {
  list(roomId: string): Promise<readonly InviteLink[]>;
  make(roomId: string, link: NewInviteLink): Promise<InviteLink>;
  revoke(roomId: string, linkId: string): Promise<void>;
  /** Servers through which others find the room. */
  via(roomId: string): readonly string[];
  /** Undefined where nothing may be known; fails with a Problem where the link is no longer good. */
  preview(target: InviteTarget): Promise<RoomPreview | undefined>;
  join(target: InviteTarget, reason?: string): Promise<{ readonly result: "joined" | "knocked"; readonly roomId: string }>;
}

const LINKS_MAX = 100;
const NAME_LENGTH_MAX = 100;
const TOPIC_LENGTH_MAX = 1_000;

export function parseInviteLink(content: unknown): InviteLink | undefined {
  const record = readRecord(content);
  const linkId = readToken(record, "link_id", 64);
  const maker = readToken(record, "maker", 255);
  const createdAt = readInteger(record, "created_at", 0, Number.MAX_SAFE_INTEGER);
  if (linkId === undefined || maker === undefined || createdAt === undefined) return undefined;
  const expiresAt = readInteger(record, "expires_at", 0, Number.MAX_SAFE_INTEGER);
  const usesMax = readInteger(record, "uses_max", 1, Number.MAX_SAFE_INTEGER);
  const token = readToken(record, "token", 128);
  return {
    linkId,
    maker,
    createdAt,
    uses: readInteger(record, "uses", 0, Number.MAX_SAFE_INTEGER) ?? 0,
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(usesMax === undefined ? {} : { usesMax }),
    ...(token === undefined ? {} : { token }),
  };
}

export function parseInviteLinks(content: unknown): readonly InviteLink[] {
  return readList(readRecord(content), "links", LINKS_MAX).flatMap((each) => parseInviteLink(each) ?? []);
}

/** A room summary (client-server API, `/room_summary` and `/hierarchy`). */
export function parseRoomPreview(content: unknown): RoomPreview | undefined {
  const record = readRecord(content);
  const roomId = readToken(record, "room_id", 255);
  if (roomId === undefined) return undefined;
  const avatar = readToken(record, "avatar_url", 500);
  const alias = readString(record, "canonical_alias");
  const rule = readString(record, "join_rule");
  const membership = readString(record, "membership");
  return {
    roomId,
    name: cleanName(readString(record, "name") ?? alias ?? "", NAME_LENGTH_MAX),
    topic: cleanText(readString(record, "topic") ?? "", TOPIC_LENGTH_MAX),
    membersCount: readInteger(record, "num_joined_members", 0, Number.MAX_SAFE_INTEGER) ?? 0,
    isCommunity: readField(record, "room_type") === "m.space",
    encrypted: readString(record, "encryption") !== undefined,
    access: rule === "public" || rule === "knock" ? rule : rule === "restricted" || rule === "knock_restricted" ? "restricted" : "invite",
    ...(avatar?.startsWith("mxc://") ? { avatar: { mxc: avatar, mimeType: "image/*", size: 0 } } : {}),
    ...(membership === undefined ? {} : { membership }),
  };
}
