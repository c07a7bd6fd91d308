import { expect, test } from "vitest";
import type { Member } from "@/domain/engine";
import { sortMembers } from "@/domain/people_members";
import { circleOf, CREATOR_LEVEL, grantableRoles, levelOf, may, mayActOn, parseAccess, parsePowers, PERMISSIONS, roleOf, withPermission } from "@/domain/room_powers";

const ME = "@me:x";
const powersOf = (content: Record<string, unknown> | undefined, creators: readonly string[] = []) => parsePowers({ content, creators, soleCreator: "@creator:x", ownUserId: ME });

test("what a room does not say has the specification's defaults", () => {
  const powers = powersOf({});
  expect([powers.own, powers.send, powers.invite, powers.remove, powers.ban, powers.deleteOthers, powers.name]).toEqual([0, 0, 0, 50, 50, 50, 50]);
  const without = powersOf(undefined);
  expect(levelOf(without, "@creator:x")).toBe(100);
  // Without power levels everybody may change everything.
  expect(may(without, "name")).toBe(true);
});

test("hostile levels count as absent", () => {
  const powers = powersOf({ users: { [ME]: "100", "@b:x": Infinity, "@c:x": [] }, invite: {}, events: "x", ban: null, events_default: true });
  expect(powers.own).toBe(0);
  expect([...powers.users.keys()]).toEqual([]);
  expect([powers.invite, powers.ban, powers.send]).toEqual([0, 50, 0]);
});

test("creators of new rooms stand above all numbers, and nobody changes them", () => {
  const powers = powersOf({ users: { [ME]: 100 } }, ["@creator:x"]);
  expect(levelOf(powers, "@creator:x")).toBe(CREATOR_LEVEL);
  expect(mayActOn(powers, "ban", "@creator:x")).toBe(false);
  expect(grantableRoles(powers, "@creator:x", ME)).toEqual([]);
  expect(roleOf(CREATOR_LEVEL)).toBe("creator");
});

test("nobody acts on their equals, and gives no more than they have", () => {
  const powers = powersOf({ users: { [ME]: 50, "@mod:x": 50, "@admin:x": 100 }, events: { "m.room.power_levels": 50 } });
  expect(mayActOn(powers, "remove", "@mod:x")).toBe(false);
  expect(mayActOn(powers, "remove", "@plain:x")).toBe(true);
  expect(grantableRoles(powers, "@plain:x", ME)).toEqual(["moderator", "member"]);
  expect(grantableRoles(powers, "@mod:x", ME)).toEqual([]);
  expect(grantableRoles(powers, ME, ME)).toEqual(["moderator", "member"]);
  expect(grantableRoles(powersOf({}), "@plain:x", ME)).toEqual([]);
});

test("a permission that is set is what is read again, and the rest stays", () => {
  const before = { users: { [ME]: 100 }, events: { "m.room.encryption": 100, "m.room.message": 0 }, kick: 70, "org.x": 1 };
  for (const permission of PERMISSIONS) {
    for (const circle of ["everyone", "moderators", "admins"] as const) {
      const after = withPermission(before, permission, circle);
      expect(circleOf(powersOf(after), permission)).toBe(circle);
      expect(after["users"]).toEqual(before.users);
      expect(after["org.x"]).toBe(1);
      expect((after["events"] as Record<string, number>)["m.room.encryption"]).toBe(100);
    }
  }
});

test("in an announcement channel people still react", () => {
  const after = withPermission({}, "send", "moderators");
  expect(after).toMatchObject({ events_default: 50, events: { "m.reaction": 0, "m.room.redaction": 0 } });
});

test("join rules that nobody knows let nobody in", () => {
  expect([{ join_rule: "public" }, { join_rule: "knock" }, { join_rule: "knock_restricted" }, { join_rule: "whatever" }, { join_rule: 3 }, undefined].map((rules) => parseAccess(rules))).toEqual(["public", "knock", "restricted", "invite", "invite", "invite"]);
});

function member(userId: string, name: string, membership: Member["membership"] = "join", powerLevel = 0): Member {
  return { userId, name, membership, powerLevel, trust: "unknown" };
}

test("members are sorted by what matters and found in any spelling", () => {
  const powers = powersOf({ users: { "@z:x": 100 } });
  const members = [member("@b:x", "Basma"), member("@z:x", "Ziad", "join", 100), member("@k:x", "Karim", "knock"), member("@a:x", "أحمد"), member("@g:x", "Gone", "leave"), member("@i:x", "Invited", "invite"), member("@x:x", "Banned", "ban")];
  expect(sortMembers(members, powers, "").map(({ userId }) => userId).filter((id) => id !== "@a:x")).toEqual(["@k:x", "@z:x", "@b:x", "@i:x", "@x:x"]);
  expect(sortMembers(members, powers, "احمد").map(({ userId }) => userId)).toEqual(["@a:x"]);
  expect(sortMembers(members, powers, "@B:X").map(({ userId }) => userId)).toEqual(["@b:x"]);
});
