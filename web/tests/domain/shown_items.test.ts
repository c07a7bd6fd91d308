import { expect, test } from "vitest";
import type { NoticeItem, TimelineItem } from "@/domain/engine";
import { buildShownItems, summarizeNotices } from "@/domain/shown_items";

let made = 0;
function notice(kind: string, who: string, whom?: string): NoticeItem {
  made += 1;
  return { type: "notice", key: `$${made}`, textKey: `notice.${kind}`, values: { who, ...(whom === undefined ? {} : { whom }) }, sentAt: made };
}
const date = (day: number): TimelineItem => ({ type: "date", key: `date ${day}`, day });
const names = (items: readonly TimelineItem[]) => items.map((item) => (item.type === "notice" ? item.textKey.slice(7) : item.type === "notices" ? `[${item.notices.map((each) => each.textKey.slice(7)).join(" ")}]` : item.type));

test("a chat of two shows that it is encrypted, not how it was made", () => {
  const items = [date(1), notice("created", "Anna"), notice("joined", "Anna"), notice("invited", "Anna", "Badr"), date(2), notice("encryption", "Anna"), notice("joined", "Badr")];
  expect(names(buildShownItems(items, true))).toEqual(["date", "encryption"]);
  const after = [...items, notice("left", "Badr"), notice("invited", "Anna", "Badr"), notice("joined", "Badr")];
  expect(names(buildShownItems(after, true))).toEqual(["date", "encryption", "left", "invited", "joined"]);
});

test("runs of membership are one line in a group, other changes stay", () => {
  const items = [notice("created", "Anna"), notice("joined", "Anna"), notice("name", "Anna"), notice("joined", "Badr"), notice("joined", "Carla"), notice("left", "Badr"), notice("picture", "Anna"), notice("joined", "Dina")];
  expect(names(buildShownItems(items, false))).toEqual(["created", "name", "[joined joined left]", "picture", "joined"]);
});

test("a run is told by names while they are few, then by their number", () => {
  expect(summarizeNotices([notice("joined", "Badr"), notice("joined", "Carla"), notice("left", "Badr")])).toEqual([{ textKey: "notice.joined", values: { who: ["Badr", "Carla"] } }, { textKey: "notice.left", values: { who: ["Badr"] } }]);
  expect(summarizeNotices([notice("invited", "Anna", "Badr"), notice("invited", "Anna", "Carla")])).toEqual([{ textKey: "notice.invited", values: { who: ["Anna"], whom: ["Badr", "Carla"] } }]);
  expect(summarizeNotices(["a", "b", "c", "d", "a"].map((name) => notice("joined", name)))).toEqual([{ textKey: "notice.joined_count", count: 4 }]);
});
