import { type MatrixClient, Method } from "matrix-js-sdk";
import { parseInviteLink, parseInviteLinks, parseRoomPreview, type InviteLink, type Invites, type InviteTarget, type NewInviteLink, type RoomPreview } from "@/domain/invites";
import { VIA_MAX } from "@/domain/invite_link";
import { isRoomId, serverOf } from "@/domain/matrix_id";
import { Problem } from "@/domain/problem";
import { readRecord, readString, readToken } from "@/domain/untrusted";
import type { Engine } from "@/domain/engine";
import type { Account } from "./account";
import { ask, failureOf, problemOf } from "./failures";

/** Where the server's links into rooms are (docs/decisions/invite-links.md). */
const OURS = { prefix: "/_matrix/client/unstable/org.zajil" };
const SAVED_PREFIX = "invite-links:";

/** Links into rooms. Tokens that were made here are kept on this device, encrypted at rest; the server has only their hashes. */
export function buildInvites(account: Account, join: Engine["join"]): Invites {
  const { client, values } = account;
  const path = (roomId: string, rest: string) => `/rooms/${encodeURIComponent(roomId)}/${rest}`;
  const loadTokens = async (roomId: string) => (readRecord(await values.load(SAVED_PREFIX + roomId)) ?? {}) as Readonly<Record<string, string>>;
  // Links move along when a room is upgraded; the device has their tokens where they were made.
  const loadAllTokens = async (roomId: string) => Object.assign({}, ...(await Promise.all(listPredecessors(client, roomId).map(loadTokens)))) as Readonly<Record<string, string>>;
  return {
    async list(roomId) {
      const answer = await ask(client.http.authedRequest<object>(Method.Get, path(roomId, "invite_links"), undefined, undefined, OURS));
      const tokens = await loadAllTokens(roomId);
      return parseInviteLinks(answer).map((link) => withToken(link, readString(tokens, link.linkId)));
    },
    async make(roomId, link) {
      const answer = await ask(client.http.authedRequest<object>(Method.Post, path(roomId, "invite_links"), undefined, linkBody(link), OURS));
      const made = parseInviteLink(answer);
      if (made?.token === undefined) throw new Problem("server", { status: "200" });
      values.save(SAVED_PREFIX + roomId, { ...(await loadTokens(roomId)), [made.linkId]: made.token });
      await values.flush();
      return made;
    },
    async revoke(roomId, linkId) {
      await ask(client.http.authedRequest(Method.Delete, path(roomId, `invite_links/${encodeURIComponent(linkId)}`), undefined, undefined, OURS));
      const { [linkId]: _gone, ...left } = await loadTokens(roomId);
      values.save(SAVED_PREFIX + roomId, left);
    },
    via: (roomId) => viaOf(account, roomId),
    preview: (target) => preview(account, { ...target, room: newestRoom(client, target.room) }),
    join: (target, reason) => joinTarget(account, join, { ...target, room: newestRoom(client, target.room) }, reason),
  };
}

function withToken(link: InviteLink, token: string | undefined): InviteLink {
  return token === undefined ? link : { ...link, token };
}

function linkBody({ lifetimeMs, usesMax }: NewInviteLink): Readonly<Record<string, number>> {
  return { ...(lifetimeMs === undefined ? {} : { lifetime_ms: lifetimeMs }), ...(usesMax === undefined ? {} : { uses_max: usesMax }) };
}

/** Our own server first: it lets people in; others by how many of theirs are inside. */
function viaOf({ client, userId }: Account, roomId: string): readonly string[] {
  const counts = new Map<string, number>();
  for (const { userId: memberId } of client.getRoom(roomId)?.getJoinedMembers() ?? []) counts.set(serverOf(memberId), (counts.get(serverOf(memberId)) ?? 0) + 1);
  const others = [...counts].sort((a, b) => b[1] - a[1]).map(([server]) => server);
  return [...new Set([serverOf(userId), ...others])].slice(0, VIA_MAX);
}

async function preview({ client }: Account, { room, via, token }: InviteTarget): Promise<RoomPreview | undefined> {
  if (token !== undefined && room.startsWith("!")) {
    try {
      return parseRoomPreview(await client.http.authedRequest(Method.Post, `/rooms/${encodeURIComponent(room)}/preview_link`, undefined, { token }, OURS));
    } catch (error) {
      if (!isUnknownEndpoint(error)) throw linkProblem(error);
    }
  }
  try {
    return parseRoomPreview(await client.getRoomSummary(room, [...via]));
  } catch (error) {
    if (failureOf(error).status === undefined) throw problemOf(error);
    return undefined;
  }
}

async function joinTarget({ client }: Account, join: Engine["join"], { room, via, token }: InviteTarget, reason?: string): Promise<{ readonly result: "joined" | "knocked"; readonly roomId: string }> {
  if (token !== undefined && room.startsWith("!")) {
    try {
      const answer = await client.http.authedRequest<unknown>(Method.Post, `/rooms/${encodeURIComponent(room)}/join_by_link`, undefined, { token, ...(reason ? { reason } : {}) }, OURS);
      // A room that was upgraded since leads to the one that took its place.
      const roomId = readToken(readRecord(answer), "room_id", 255);
      return { result: "joined", roomId: roomId !== undefined && isRoomId(roomId) ? roomId : room };
    } catch (error) {
      if (!isUnknownEndpoint(error)) throw linkProblem(error);
    }
  }
  const result = await join(room, via, reason);
  return { result, roomId: room.startsWith("!") ? room : (await ask(client.getRoomIdForAlias(room))).room_id };
}

const UPGRADES_MAX = 10;

/** The room, or the one that has taken its place and that we are in. */
function newestRoom(client: MatrixClient, roomId: string): string {
  let newest = roomId;
  for (let count = 0; count < UPGRADES_MAX; count += 1) {
    const successor: unknown = client.getRoom(newest)?.currentState.getStateEvents("m.room.tombstone", "")?.getContent()["replacement_room"];
    if (typeof successor !== "string" || client.getRoom(successor)?.getMyMembership() !== "join") break;
    newest = successor;
  }
  return newest;
}

/** The room, and those whose place it has taken. */
function listPredecessors(client: MatrixClient, roomId: string): readonly string[] {
  const rooms = [roomId];
  for (let at = 0; at < UPGRADES_MAX; at += 1) {
    const former = client.getRoom(rooms[at] ?? "")?.findPredecessor()?.roomId;
    if (former === undefined) break;
    rooms.push(former);
  }
  return rooms;
}

/** A server that has no such links: its rooms are joined, or knocked on, as everywhere. */
function isUnknownEndpoint(error: unknown): boolean {
  return failureOf(error).code === "M_UNRECOGNIZED";
}

const REASONS: Readonly<Record<string, string>> = { expired: "link_expired", used_up: "link_used_up", maker: "link_maker" };

function linkProblem(error: unknown): Problem {
  const { status, code } = failureOf(error);
  if (code === "M_NOT_FOUND") return new Problem("link_wrong", {}, error);
  if (status !== 403) return problemOf(error);
  const reason = readString(readRecord((error as { readonly data?: unknown }).data), "org.zajil.reason") ?? "";
  return new Problem(REASONS[reason] ?? "join_refused", {}, error);
}
