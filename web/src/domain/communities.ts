import type { NewGroup } from "./engine";
import { parseRoomPreview, type RoomPreview } from "./invites";
import { isServerName } from "./matrix_id";
import { readField, readList, readRecord, readString, readToken } from "./untrusted";

/** A room of a community, as its members see it before joining. */
export interface CommunityRoom extends RoomPreview {
  readonly via: readonly string[];
  readonly suggested: boolean;
}

/** Communities are spaces (client-server API, "Spaces"). */
export interface Communities {
  /** The rooms right below it, suggested ones first. */
  load(communityId: string): Promise<readonly CommunityRoom[]>;
  add(communityId: string, roomId: string): Promise<void>;
  remove(communityId: string, roomId: string): Promise<void>;
  setSuggested(communityId: string, roomId: string, suggested: boolean): Promise<void>;
  /** A chat that everybody in the community may join. */
  createChat(communityId: string, group: NewGroup): Promise<string>;
}

export const ROOMS_MAX = 500;
const VIA_MAX = 5;

interface Child {
  readonly via: readonly string[];
  readonly suggested: boolean;
  readonly order: string;
}

/** `rooms` of an answer of `/hierarchy`; the community itself is the first and has the children's order. */
export function parseHierarchy(communityId: string, rooms: readonly unknown[]): readonly CommunityRoom[] {
  const community = readRecord(rooms.find((each) => readField(readRecord(each), "room_id") === communityId));
  const children = new Map<string, Child>();
  for (const each of readList(community, "children_state", ROOMS_MAX)) {
    const event = readRecord(each);
    const roomId = readToken(event, "state_key", 255);
    const content = readRecord(readField(event, "content"));
    const via = readList(content, "via", VIA_MAX).filter((server): server is string => typeof server === "string" && isServerName(server));
    if (roomId === undefined || via.length === 0) continue;
    children.set(roomId, { via, suggested: readField(content, "suggested") === true, order: readString(content, "order")?.slice(0, 50) ?? "\u{10ffff}" });
  }
  return rooms
    .slice(0, ROOMS_MAX)
    .flatMap((each) => {
      const preview = parseRoomPreview(each);
      const child = preview && children.get(preview.roomId);
      return preview && child ? [{ ...preview, via: child.via, suggested: child.suggested, order: child.order }] : [];
    })
    .sort((a, b) => Number(b.suggested) - Number(a.suggested) || (a.order < b.order ? -1 : a.order > b.order ? 1 : 0))
    .map(({ order: _order, ...room }) => room);
}
