import { expect, test } from "vitest";
import { parseHierarchy } from "@/domain/communities";
import { parseInviteLink, parseInviteLinks, parseRoomPreview } from "@/domain/invites";
import { buildListsContent, LISTS_MAX, parseLists, RECIPIENTS_MAX } from "@/domain/people_lists";

test("links are read as the server writes them", () => {
  const link = { link_id: "abc", maker: "@a:x", created_at: 5, expires_at: null, uses_max: null, uses: 2 };
  expect(parseInviteLink(link)).toEqual({ linkId: "abc", maker: "@a:x", createdAt: 5, uses: 2 });
  expect(parseInviteLink({ ...link, expires_at: 9, uses_max: 3, token: "t" })).toEqual({ linkId: "abc", maker: "@a:x", createdAt: 5, uses: 2, expiresAt: 9, usesMax: 3, token: "t" });
  expect(parseInviteLinks({ links: [link, null, "x", { link_id: 3 }, { ...link, link_id: "x".repeat(65) }] })).toHaveLength(1);
  expect(parseInviteLinks("nothing")).toEqual([]);
});

test("a preview is bounded, and hides direction tricks", () => {
  const preview = parseRoomPreview({ room_id: "!a:x", name: `Evil\u202Egnp${"x".repeat(500)}`, topic: "t".repeat(5_000), num_joined_members: "7", avatar_url: "https://elsewhere/x.png", join_rule: "knock", encryption: "m.megolm.v1.aes-sha2" });
  expect(preview?.name.length).toBeLessThanOrEqual(100);
  expect(preview?.name).not.toContain("\u202E");
  expect(preview?.topic.length).toBeLessThanOrEqual(1_000);
  expect(preview).toMatchObject({ membersCount: 0, access: "knock", encrypted: true, isCommunity: false });
  expect(preview?.avatar).toBeUndefined();
  expect(parseRoomPreview({ name: "no ID" })).toBeUndefined();
});

test("a community shows only rooms that it names itself, suggested ones first", () => {
  const child = (roomId: string, content: object) => ({ type: "m.space.child", state_key: roomId, content });
  const rooms = [
    { room_id: "!s:x", room_type: "m.space", children_state: [child("!a:x", { via: ["x"], order: "b" }), child("!b:x", { via: ["x"], order: "a" }), child("!c:x", { via: ["x"], suggested: true }), child("!gone:x", {}), child("!bad:x", { via: ["not a server"] })] },
    { room_id: "!a:x", name: "A" },
    { room_id: "!b:x", name: "B" },
    { room_id: "!c:x", name: "C" },
    { room_id: "!gone:x", name: "Gone" },
    { room_id: "!bad:x", name: "Bad" },
    { room_id: "!stranger:x", name: "Stranger" },
    null,
    7,
  ];
  expect(parseHierarchy("!s:x", rooms).map(({ name }) => name)).toEqual(["C", "B", "A"]);
  expect(parseHierarchy("!other:x", rooms)).toEqual([]);
});

test("distribution lists survive being written and read, and nothing else does", () => {
  const list = { id: "1", name: "Family", userIds: ["@a:x", "@b:x"] };
  expect(parseLists(buildListsContent([list]))).toEqual([list]);
  expect(parseLists({ lists: [{ id: "1", name: "", user_ids: ["@a:x"] }, { id: "2", name: "N", user_ids: ["nobody", 3] }, { name: "no id", user_ids: ["@a:x"] }, 5] })).toEqual([]);
  const many = Array.from({ length: 300 }, (_, at) => `@p${at}:x`);
  expect(parseLists({ lists: Array.from({ length: 99 }, (_, at) => ({ id: String(at), name: "N", user_ids: many })) })).toHaveLength(LISTS_MAX);
  expect(parseLists({ lists: [{ id: "1", name: "N", user_ids: many }] })[0]?.userIds).toHaveLength(RECIPIENTS_MAX);
});
