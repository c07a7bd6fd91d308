import { createInstance } from "i18next";
import { expect, test } from "vitest";
import ar from "@/i18n/ar.json";
import en from "@/i18n/en.json";
import { findMention, linkMentions, makeLink, prefixLines, wrapSelection } from "@/views/chat/composer_text";
import { buildMentionIndex } from "@/domain/mentions";
import { buildFormats } from "@/views/common/formats";
import { initials } from "@/views/common/initials";
import { member } from "../demo/demo_engine";

test("a mark goes around the selection and off again", () => {
  const once = wrapSelection({ text: "say hello now", start: 4, end: 9 }, "**");
  expect(once).toEqual({ text: "say **hello** now", start: 6, end: 11 });
  expect(wrapSelection(once, "**")).toEqual({ text: "say hello now", start: 4, end: 9 });
});

test("lines become a list and lines again", () => {
  const list = prefixLines({ text: "one\ntwo\nthree", start: 5, end: 10 }, "- ");
  expect(list.text).toBe("one\n- two\n- three");
  expect(prefixLines(list, "- ").text).toBe("one\ntwo\nthree");
});

test("a link is left with its address selected", () => {
  const { text, start, end } = makeLink({ text: "see here", start: 4, end: 8 });
  expect(text).toBe("see [here](https://)");
  expect(text.slice(start, end)).toBe("https://");
});

test("a name is being typed after an @ that begins a word, and nowhere else", () => {
  expect(findMention("hi @la", 6)).toEqual({ from: 3, words: "la" });
  expect(findMention("@", 1)).toEqual({ from: 0, words: "" });
  expect(findMention("يا @عم", 6)).toEqual({ from: 3, words: "عم" });
  expect(findMention("mail me@home", 12)).toBeUndefined();
  expect(findMention("hi @la there", 12)).toBeUndefined();
});

test("chosen names go out as links to their people, the longest name first", () => {
  const chosen = new Map([["Sam", "@sam:x"], ["Sam Lee", "@lee:x"], ["Gone", "@gone:x"]]);
  const { markdown, mentions } = linkMentions("@Sam Lee and @Sam", chosen);
  expect(markdown).toBe("[@Sam Lee](https://matrix.to/#/%40lee%3Ax) and [@Sam](https://matrix.to/#/%40sam%3Ax)");
  expect(mentions).toEqual(["@lee:x", "@sam:x"]);
});

test("people are found among thousands, whatever the spelling", () => {
  const index = buildMentionIndex(Array.from({ length: 5_000 }, (_, at) => member(at)));
  expect(index.find("احمد")[0]?.name).toBe("أحمد منصور");
  expect(index.find("amelie").length).toBe(8);
});

test("initials stand for names in every script", () => {
  expect(initials("Layla Haddad")).toBe("LH");
  expect(initials("@omar")).toBe("O");
  expect(initials("عمر الخطيب")).toBe("ع");
  expect(initials("👩‍👩‍👧 family")).not.toBe("?");
  expect(initials("")).toBe("?");
  expect(initials("‮…")).toBe("?");
});

test("numbers and times have the digits of the language", () => {
  expect(buildFormats("ar").number(42)).toBe("٤٢");
  expect(buildFormats("ar-u-nu-latn").number(42)).toBe("42");
  expect(buildFormats("ar").clock(65_000)).toBe("١:٠٥");
  expect(buildFormats("en").clock(3_661_000)).toBe("1:01:01");
  const now = new Date(2026, 5, 10, 12).getTime();
  expect(buildFormats("en").listTime(now - 86_400_000, now)).toBe("yesterday");
  expect(buildFormats("en").day(now, now)).toBe("Today");
  expect([1_000, 24_400, 999_600, 2_540_000, 3_000_000_000].map(buildFormats("en").bytes)).toEqual(["1 kB", "24 kB", "1 MB", "2.5 MB", "3 GB"]);
  expect([24_400, 2_540_000].map(buildFormats("ar").bytes)).toEqual(["٢٤ كيلوبايت", "٢٫٥ ميغابايت"]);
  expect([0, 40, 999, 2_540, 24_600].map(buildFormats("en").distance)).toEqual(["1 m", "40 m", "999 m", "2.5 km", "25 km"]);
  expect([3, 40].map(buildFormats("ar").distance)).toEqual(["٣ أمتار", "٤٠ مترًا"]);
  expect(buildFormats("not a language!").number(1)).toBe("1");
});

test("small sizes have the form that their number asks for", async () => {
  const texts = createInstance();
  await texts.init({ lng: "en", resources: { en: { translation: en }, ar: { translation: ar } } });
  const say = (language: string) => [0, 1, 2, 3, 12, 100].map((count) => texts.getFixedT(language)("ui.bytes", { count }));
  expect(say("en")).toEqual(["0 bytes", "1 byte", "2 bytes", "3 bytes", "12 bytes", "100 bytes"]);
  expect(say("ar")).toEqual(["صفر بايت", "بايت واحد", "بايتان", "3 بايتات", "12 بايتًا", "100 بايت"]);
});
