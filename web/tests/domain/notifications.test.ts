import { expect, test } from "vitest";
import { changesForKind, cleanKeyword, countUnread, masterChange, NOTIFICATION_KINDS, readRules } from "@/domain/notifications";
import { readShowsTyping, readTakesInvites } from "@/domain/privacy";
import { extrapolate } from "@/domain/storage_use";
import { parsePush } from "@/service_worker/push";

const rule = (rule_id: string, actions: readonly unknown[] = ["notify"], enabled = true) => ({ rule_id, actions, enabled, default: true });

function ruleSet(change: Partial<Record<string, readonly unknown[]>> = {}): unknown {
  return {
    global: {
      override: [rule(".m.rule.master", [], false), rule(".m.rule.invite_for_me"), rule(".m.rule.is_user_mention"), rule(".m.rule.is_room_mention")],
      underride: [rule(".m.rule.call"), rule(".m.rule.room_one_to_one"), rule(".m.rule.encrypted_room_one_to_one"), rule(".m.rule.message"), rule(".m.rule.encrypted")],
      content: [rule(".m.rule.contains_user_name"), { ...rule("pigeon"), pattern: "pigeon", default: false }, { ...rule("off", [], false), pattern: "off" }],
      ...change,
    },
  };
}

test("the server's own rules say that everything is told", () => {
  expect(readRules(ruleSet())).toEqual({ isOn: true, kinds: { direct: true, groups: true, mentions: true, everyone: true, invites: true, calls: true }, keywords: ["pigeon"] });
});

test("one of two rules that is silent makes the kind silent; both are put right", () => {
  const silent = ruleSet({ underride: [rule(".m.rule.message", ["dont_notify"]), rule(".m.rule.encrypted", ["notify"], false)] });
  expect(readRules(silent).kinds.groups).toBe(false);
  expect(changesForKind(silent, "groups", true)).toEqual([
    { kind: "underride", ruleId: ".m.rule.message", actions: ["notify", { set_tweak: "sound", value: "default" }] },
    { kind: "underride", ruleId: ".m.rule.encrypted", enabled: true },
  ]);
  expect(changesForKind(silent, "groups", false)).toEqual([]);
});

test("switching off disables what is on, and rules that a server does not have are left alone", () => {
  expect(changesForKind(ruleSet(), "direct", false)).toEqual([
    { kind: "underride", ruleId: ".m.rule.room_one_to_one", enabled: false },
    { kind: "underride", ruleId: ".m.rule.encrypted_room_one_to_one", enabled: false },
  ]);
  expect(changesForKind(ruleSet({ override: [] }), "mentions", false)).toEqual([]);
});

test("the master rule silences while it is enabled", () => {
  expect(masterChange(false)).toEqual({ kind: "override", ruleId: ".m.rule.master", enabled: true });
  expect(readRules(ruleSet({ override: [rule(".m.rule.master", [], true)] })).isOn).toBe(false);
});

test("hostile rules break nothing", () => {
  for (const content of [undefined, null, 3, "x", [], { global: [] }, { global: { override: [null, 3, { rule_id: 4 }, { rule_id: ".m.rule.master", enabled: "yes" }] } }, { global: { content: [{ rule_id: "a", pattern: {} }] } }]) {
    const rules = readRules(content);
    expect(rules.keywords).toEqual([]);
    for (const kind of NOTIFICATION_KINDS) expect(() => changesForKind(content, kind, true)).not.toThrow();
  }
});

test("keywords are words, not patterns", () => {
  expect([cleanKeyword("  Pigeon  Post "), cleanKeyword("a*b?"), cleanKeyword("**"), cleanKeyword("x".repeat(61)), cleanKeyword(".m.rule")]).toEqual(["pigeon post", "ab", undefined, undefined, undefined]);
});

test("unread messages are counted without muted and archived chats", () => {
  const chat = { unread: 0, markedUnread: false, membership: "join", archived: false };
  const chats = [{ ...chat, unread: 3 }, { ...chat, markedUnread: true }, { ...chat, membership: "invite" }, { ...chat, unread: 9, mutedUntil: 101 }, { ...chat, unread: 9, archived: true }, { ...chat, unread: 1, mutedUntil: 99 }];
  expect(countUnread(chats, 100)).toBe(6);
});

test("privacy is open unless something else is said", () => {
  expect([readShowsTyping(undefined), readShowsTyping({ typing: false }), readShowsTyping({ typing: "no" })]).toEqual([true, false, true]);
  expect([readTakesInvites(undefined), readTakesInvites({ default_action: "block" }), readTakesInvites({ default_action: "allow" })]).toEqual([true, false, true]);
});

test("sizes of many rows follow from some", () => {
  expect([extrapolate(1_000, [10, 20, 30]), extrapolate(5, [])]).toEqual([20_000, 0]);
});

test("a push says a chat and a number, or that something came", () => {
  expect(parsePush('{"room_id":"!a:b","event_id":"$e","unread":3}')).toEqual({ roomId: "!a:b", unread: 3 });
  for (const text of ["", "null", "[]", "{", '{"room_id":["!a"],"unread":-1}', `{"room_id":"!${"x".repeat(300)}","unread":"9"}`]) expect(parsePush(text)).toEqual({ roomId: "", unread: 1 });
});
