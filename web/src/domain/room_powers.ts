import { readChild, readField, readInteger, type JsonRecord } from "./untrusted";

/** What a room's power levels say (client-server API, "m.room.power_levels"). */
export interface RoomPowers {
  readonly own: number;
  readonly users: ReadonlyMap<string, number>;
  readonly usersDefault: number;
  readonly send: number;
  readonly invite: number;
  readonly remove: number;
  readonly ban: number;
  readonly deleteOthers: number;
  readonly name: number;
  readonly topic: number;
  readonly picture: number;
  readonly pin: number;
  readonly access: number;
  readonly powers: number;
  readonly children: number;
  readonly disappearing: number;
}

/** Steps of power that people are offered. In room version 12 and later creators stand above all numbers. */
export const MEMBER_LEVEL = 0;
export const MODERATOR_LEVEL = 50;
export const ADMIN_LEVEL = 100;
export const CREATOR_LEVEL = Number.MAX_SAFE_INTEGER;
const LEVEL_MIN = Number.MIN_SAFE_INTEGER;
const USERS_MAX = 20_000;

export type Role = "creator" | "admin" | "moderator" | "member" | "muted";
export type Permission = "send" | "invite" | "info" | "pin" | "remove";
export const PERMISSIONS: readonly Permission[] = ["send", "invite", "info", "pin", "remove"];

export interface PowersSource {
  readonly content: JsonRecord | undefined;
  /** Users whose power has no limit: the creators, in room version 12 and later. */
  readonly creators: readonly string[];
  /** Who created a room that has no power levels at all. */
  readonly soleCreator?: string | undefined;
  readonly ownUserId: string;
}

function readLevel(record: JsonRecord | undefined, name: string): number | undefined {
  return readInteger(record, name, LEVEL_MIN, Number.MAX_SAFE_INTEGER);
}

export function parsePowers({ content, creators, soleCreator, ownUserId }: PowersSource): RoomPowers {
  const events = readChild(content, "events");
  const users = new Map<string, number>();
  for (const userId of Object.keys(readChild(content, "users") ?? {}).slice(0, USERS_MAX)) {
    const level = readLevel(readChild(content, "users"), userId);
    if (level !== undefined) users.set(userId, level);
  }
  if (content === undefined && soleCreator !== undefined) users.set(soleCreator, ADMIN_LEVEL);
  for (const creator of creators) users.set(creator, CREATOR_LEVEL);
  const usersDefault = readLevel(content, "users_default") ?? 0;
  const stateDefault = content === undefined ? 0 : (readLevel(content, "state_default") ?? MODERATOR_LEVEL);
  const state = (type: string): number => readLevel(events, type) ?? stateDefault;
  return {
    own: users.get(ownUserId) ?? usersDefault,
    users,
    usersDefault,
    send: readLevel(events, "m.room.message") ?? readLevel(content, "events_default") ?? 0,
    invite: readLevel(content, "invite") ?? 0,
    remove: readLevel(content, "kick") ?? MODERATOR_LEVEL,
    ban: readLevel(content, "ban") ?? MODERATOR_LEVEL,
    deleteOthers: readLevel(content, "redact") ?? MODERATOR_LEVEL,
    name: state("m.room.name"),
    topic: state("m.room.topic"),
    picture: state("m.room.avatar"),
    pin: state("m.room.pinned_events"),
    access: state("m.room.join_rules"),
    powers: state("m.room.power_levels"),
    children: state("m.space.child"),
    disappearing: state("org.zajil.disappear"),
  };
}

export function levelOf(powers: RoomPowers, userId: string): number {
  return powers.users.get(userId) ?? powers.usersDefault;
}

export function roleOf(level: number, usersDefault = MEMBER_LEVEL): Role {
  if (level >= CREATOR_LEVEL) return "creator";
  if (level >= ADMIN_LEVEL) return "admin";
  if (level >= MODERATOR_LEVEL) return "moderator";
  return level < usersDefault ? "muted" : "member";
}

export type Deed = Exclude<keyof RoomPowers, "own" | "users" | "usersDefault">;

export function may(powers: RoomPowers, deed: Deed): boolean {
  return powers.own >= powers[deed];
}

/** Removing and banning take the level for it, and more power than the other has. */
export function mayActOn(powers: RoomPowers, deed: "remove" | "ban", userId: string): boolean {
  return may(powers, deed) && powers.own > levelOf(powers, userId);
}

/** The roles that we may give somebody: none above our own, and nobody's who is our equal. Creators are what they are. */
export function grantableRoles(powers: RoomPowers, userId: string, ownUserId: string): readonly ("admin" | "moderator" | "member")[] {
  const theirs = levelOf(powers, userId);
  if (!may(powers, "powers") || theirs >= CREATOR_LEVEL) return [];
  if (userId !== ownUserId && theirs >= powers.own) return [];
  const roles = [["admin", ADMIN_LEVEL], ["moderator", MODERATOR_LEVEL], ["member", powers.usersDefault]] as const;
  return roles.filter(([, level]) => level <= powers.own).map(([role]) => role);
}

export function levelOfRole(role: "admin" | "moderator" | "member", powers: RoomPowers): number {
  return role === "admin" ? ADMIN_LEVEL : role === "moderator" ? MODERATOR_LEVEL : powers.usersDefault;
}

/** Who may do something: everybody, moderators and admins, or admins only. */
export type Circle = "everyone" | "moderators" | "admins";

export function circleOf(powers: RoomPowers, permission: Permission): Circle {
  const level = permission === "info" ? Math.max(powers.name, powers.topic, powers.picture) : powers[permission];
  if (level <= powers.usersDefault) return "everyone";
  return level <= MODERATOR_LEVEL ? "moderators" : "admins";
}

/** The power levels with one permission changed; everything else in them stays. */
export function withPermission(content: JsonRecord | undefined, permission: Permission, circle: Circle): Record<string, unknown> {
  const usersDefault = readLevel(content, "users_default") ?? 0;
  const level = circle === "everyone" ? usersDefault : circle === "moderators" ? MODERATOR_LEVEL : ADMIN_LEVEL;
  const events = { ...readChild(content, "events") };
  switch (permission) {
    case "send": {
      // What is said of messages alone would go on to count.
      delete events["m.room.message"];
      // Reactions and taking back one's own words stay everybody's.
      return { ...content, events: { ...events, "m.reaction": usersDefault, "m.room.redaction": usersDefault }, events_default: level };
    }
    case "invite":
      return { ...content, invite: level };
    case "remove":
      return { ...content, kick: level, ban: level };
    case "info":
      return { ...content, events: { ...events, "m.room.name": level, "m.room.topic": level, "m.room.avatar": level } };
    case "pin":
      return { ...content, events: { ...events, "m.room.pinned_events": level } };
  }
}

/** Who may come in, from `m.room.join_rules`. */
export type RoomAccess = "invite" | "knock" | "public" | "restricted";

export function parseAccess(joinRules: JsonRecord | undefined): RoomAccess {
  const rule = readField(joinRules, "join_rule");
  if (rule === "public" || rule === "knock") return rule;
  return rule === "restricted" || rule === "knock_restricted" ? "restricted" : "invite";
}
