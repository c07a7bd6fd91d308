import { describe, expect, it } from "vitest";
import { EMOJI_GROUPS, RESULTS_MAX, withTone } from "@/domain/emoji/emoji_set";
import type { EmojiSet } from "@/domain/emoji/emoji_set";
import { countJumbo, isEmoji, JUMBO_EMOJIS_MAX } from "@/domain/emoji/jumbo";
import { loadEmojis } from "@/domain/emoji/load_emojis";
import { FIRST_REACTIONS, HALF_LIFE_MS, quickReactions, readRecentEmojis, RECENT_MAX, useEmoji } from "@/domain/emoji/recent_emojis";
import type { RecentEmoji } from "@/domain/emoji/recent_emojis";
import { applySkinTone, removeSkinTone, SKIN_TONES, skinToneOf } from "@/domain/emoji/skin_tone";

const set: EmojiSet = await loadEmojis("ar");
const found = (typed: string): readonly string[] => set.search(typed).map(({ emoji }) => emoji);

describe("the data", () => {
  it("has every group and a name in both languages for every emoji", () => {
    expect(set.groups.map((group) => group.id)).toEqual(EMOJI_GROUPS);
    const all = set.groups.flatMap((group) => group.emojis);
    expect(all.length).toBeGreaterThan(1_800);
    for (const { emoji } of all) {
      expect(set.nameOf(emoji, "en"), emoji).toMatch(/[a-z]/iu);
      expect(set.nameOf(emoji, "ar"), emoji).toMatch(/\p{Script=Arabic}/u);
      if (!isEmoji(emoji)) expect.fail(`${emoji} is not taken for an emoji`);
    }
  });

  it("knows the tones of every emoji it lists as toned", () => {
    const toned = set.groups.flatMap((group) => group.emojis).filter((emoji) => emoji.hasTones);
    expect(toned.length).toBeGreaterThan(300);
    for (const emoji of toned) for (const tone of SKIN_TONES) {
      const shown = withTone(emoji, tone);
      expect([skinToneOf(shown), isEmoji(shown), set.find(shown)?.emoji]).toEqual([tone, true, emoji.emoji]);
    }
    expect(applySkinTone("🕵️‍♀️", 3)).toBe("🕵🏽‍♀️");
    expect(applySkinTone("👍🏿", 1)).toBe("👍🏻");
    expect(removeSkinTone("👍🏿")).toBe("👍");
  });
});

describe("search", () => {
  it("finds in Arabic and English, however it is spelt", () => {
    for (const typed of ["قلب أحمر", "قلب احمر", "red heart", "RED HEART"]) expect(found(typed)[0]).toBe("❤️");
    for (const typed of ["ضحك", "laugh", ":joy:"]) expect(found(typed)).toContain("😂");
    expect(found("مصر")).toContain("🇪🇬");
    expect(found("egypt")).toContain("🇪🇬");
    expect(found("ورد")).toContain("🌹");
    expect(found("thumbs_up")[0]).toBe("👍\uFE0F");
    expect(found("❤")).toEqual(["❤️"]);
    expect(found("👍🏽")).toEqual(["👍\uFE0F"]);
  });

  it("finds nothing for nothing and not too much for little", () => {
    expect([found(""), found("!!"), found("qqqq")]).toEqual([[], [], []]);
    expect(found("a").length).toBeLessThanOrEqual(RESULTS_MAX);
  });
});

describe("large emojis", () => {
  it.each([["😀", 1], ["😀😀 😀", 3], ["😀😀😀😀", 0], ["👨‍👩‍👧‍👦", 1], ["👍🏽", 1], ["🇸🇦🇪🇬", 2], ["1️⃣", 1], ["❤", 1], ["❤️", 1], ["🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}", 1], ["🫱🏻‍🫲🏿", 1], [" 😀\n", 1], ["a😀", 0], ["1", 0], ["#", 0], ["", 0], ["©", 0], ["سلام", 0], ["😀".repeat(5_000), 0], ["\u200D", 0], ["\uFE0F", 0]])("%j counts %i", (text, count) => expect(countJumbo(text)).toBe(count));

  it("are at most three", () => expect(JUMBO_EMOJIS_MAX).toBe(3));
});

describe("recent emojis", () => {
  it("rise with use and fade with time", () => {
    let list: readonly RecentEmoji[] = [];
    for (let use = 0; use < 3; use += 1) list = useEmoji(list, "🎉", 0);
    list = useEmoji(list, "😀", 0);
    expect(list.map(({ emoji }) => emoji)).toEqual(["🎉", "😀"]);
    expect(quickReactions(list, 0)).toEqual(["🎉", ...FIRST_REACTIONS.slice(0, 5)]);
    expect(quickReactions(list, HALF_LIFE_MS * 2)).toEqual(FIRST_REACTIONS);
    for (let use = 0; use < 2; use += 1) list = useEmoji(list, "😀", HALF_LIFE_MS * 2);
    expect(list[0]?.emoji).toBe("😀");
  });

  it("are bounded and survive damage", () => {
    let list: readonly RecentEmoji[] = [];
    set.groups[0]?.emojis.slice(0, RECENT_MAX + 5).forEach(({ emoji }, index) => (list = useEmoji(list, emoji, index)));
    expect(list).toHaveLength(RECENT_MAX);
    expect(readRecentEmojis(JSON.parse(JSON.stringify(list)))).toEqual(list);
    for (const damaged of [null, {}, "x", [null, 1, { emoji: "<b>", score: 1, at: 1 }, { emoji: "😀", score: -1, at: 1 }, { emoji: "😀", score: 1 }]]) expect(readRecentEmojis(damaged)).toEqual([]);
  });
});
