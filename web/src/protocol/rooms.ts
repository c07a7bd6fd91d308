import { type ICreateRoomOpts, type MatrixClient, Preset, Visibility } from "matrix-js-sdk";
import type { Engine, NewGroup, Person } from "@/domain/engine";
import { Problem } from "@/domain/problem";
import type { Account } from "./account";
import { defaultDisappearOf } from "./account_settings";
import { localpart } from "./event_adapter";
import { ask, failureOf } from "./failures";
import { addDirectChat } from "./room_actions";
import { buildPerson, directPeers, DISAPPEAR_EVENT, mediaOf } from "./room_facts";

type Rooms = Pick<Engine, "startDirectChat" | "createGroup" | "join" | "findPeople">;

/** Keys are renewed at the latest after 3.5 days, or 100 messages. */
const ENCRYPTION = { type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2", rotation_period_ms: 302_400_000, rotation_period_msgs: 100 } };
const FOUND_MAX = 30;

export function buildRooms(account: Account): Rooms {
  return {
    startDirectChat: (userId) => startDirectChat(account, userId),
    createGroup: (group) => createGroup(account, group),
    join: (target, via, reason) => join(account.client, target, via, reason),
    findPeople: (words) => findPeople(account, words),
  };
}

async function startDirectChat(account: Account, userId: string): Promise<string> {
  const { client } = account;
  for (const [roomId, peer] of directPeers(client)) {
    const room = client.getRoom(roomId);
    const membership = room?.getMember(userId)?.membership;
    if (peer === userId && room?.getMyMembership() === "join" && (membership === "join" || membership === "invite")) return roomId;
  }
  const after = defaultDisappearOf(client);
  const isNotes = userId === account.userId;
  const { room_id: roomId } = await ask(
    client.createRoom({ preset: Preset.TrustedPrivateChat, invite: isNotes ? [] : [userId], is_direct: true, initial_state: [ENCRYPTION, ...(after > 0 ? [disappear(after)] : [])] }),
  );
  await addDirectChat(client, userId, roomId);
  return roomId;
}

async function createGroup(account: Account, group: NewGroup): Promise<string> {
  const { client } = account;
  const initial: NonNullable<ICreateRoomOpts["initial_state"]> = [];
  // What everybody may read anyway, and what holds no messages, is not encrypted.
  if (group.kind !== "community") initial.push(ENCRYPTION);
  const after = group.disappearAfterS ?? (group.kind === "group" ? defaultDisappearOf(client) : 0);
  if (after > 0) initial.push(disappear(after));
  if (group.access === "knock") initial.push({ type: "m.room.join_rules", state_key: "", content: { join_rule: "knock" } });
  if (group.avatar) {
    const { content_uri: url } = await ask(client.uploadContent(group.avatar, { type: group.avatar.type }));
    initial.push({ type: "m.room.avatar", state_key: "", content: { url } });
  }
  const onlyModerators = group.kind !== "group";
  const { room_id } = await ask(
    client.createRoom({
      name: group.name,
      ...(group.topic ? { topic: group.topic } : {}),
      preset: group.access === "public" ? Preset.PublicChat : Preset.PrivateChat,
      visibility: group.access === "public" ? Visibility.Public : Visibility.Private,
      ...(group.alias ? { room_alias_name: group.alias } : {}),
      invite: [...group.invite],
      initial_state: initial,
      ...(group.kind === "community" ? { creation_content: { type: "m.space" } } : {}),
      ...(onlyModerators ? { power_level_content_override: { events_default: 50, events: { "m.reaction": 0, "m.room.redaction": 0 } } } : {}),
    }),
  );
  return room_id;
}

function disappear(seconds: number): { readonly type: string; readonly state_key: string; readonly content: object } {
  return { type: DISAPPEAR_EVENT, state_key: "", content: { after_s: seconds } };
}

async function join(client: MatrixClient, target: string, via: readonly string[], reason: string | undefined): Promise<"joined" | "knocked"> {
  try {
    await client.joinRoom(target, { viaServers: [...via], ...(reason === undefined ? {} : { reason }) });
    return "joined";
  } catch (error) {
    if (failureOf(error).status !== 403) return await ask(Promise.reject(error));
    try {
      await client.knockRoom(target, { viaServers: [...via], ...(reason === undefined ? {} : { reason }) });
      return "knocked";
    } catch {
      throw new Problem("join_refused", {}, error);
    }
  }
}

const LOCAL_NAME = /^[a-z0-9._=/+-]{1,200}$/i;
const FULL_ID = /^@[^\s:]+:\S+$/;

function domainOf(userId: string): string {
  return userId.slice(userId.indexOf(":") + 1);
}

async function findPeople(account: Account, words: string): Promise<readonly Person[]> {
  const { client, trust } = account;
  const term = words.trim();
  if (term === "") return [];
  const found = new Map<string, Person>();
  for (const peer of directPeers(client).values()) {
    const person = buildPerson(client, trust, peer);
    if (`${person.name} ${peer}`.toLocaleLowerCase().includes(term.toLocaleLowerCase())) found.set(peer, person);
  }
  const { results } = await ask(client.searchUserDirectory({ term, limit: FOUND_MAX }));
  for (const { user_id: userId, display_name, avatar_url } of results) {
    const avatar = mediaOf(avatar_url);
    if (!found.has(userId)) found.set(userId, { userId, name: display_name || localpart(userId), trust: trust.of(userId).level, ...(avatar ? { avatar } : {}) });
  }
  // The directory knows only whom one shares a room with, or who is in public ones; a name typed in full is meant.
  const named = LOCAL_NAME.test(term) ? `@${term.toLowerCase()}:${domainOf(account.userId)}` : term;
  if (FULL_ID.test(named) && !found.has(named)) {
    const profile = await client.getProfileInfo(named).catch(() => undefined);
    if (profile) found.set(named, { userId: named, name: profile.displayname || localpart(named), trust: trust.of(named).level });
  }
  found.delete(account.userId);
  return [...found.values()].slice(0, FOUND_MAX);
}
