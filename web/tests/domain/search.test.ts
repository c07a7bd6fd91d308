import { describe, expect, it } from "vitest";
import { findWords, foldText, foldWithPlaces, splitWords, stripArticle } from "@/domain/arabic_text";
import { containsPhrase, excerpt, highlight } from "@/domain/search/search_highlight";
import { HITS_MAX, SearchIndex, SEGMENT_MESSAGES } from "@/domain/search/search_index";
import type { SearchableMessage } from "@/domain/search/search_index";
import { parseQuery, QUERY_WORDS_MAX } from "@/domain/search/search_query";
import { seededRandom } from "./seeded_random";

const message = (eventId: string, text: string, more: Partial<SearchableMessage> = {}): SearchableMessage => ({ eventId, roomId: "!a:b", sender: "@x:b", sentAt: Number(eventId.slice(1)) || 0, text, ...more });

function indexOf(...messages: readonly SearchableMessage[]): SearchIndex {
  const index = new SearchIndex();
  messages.forEach((item) => index.add(item));
  return index;
}

const ids = (index: SearchIndex, typed: string, filters = {}): readonly string[] => index.search(parseQuery(typed, filters)).map((hit) => hit.eventId);

describe("one spelling", () => {
  it.each([
    ["أحمد", "احمد"], ["إسلام", "اسلام"], ["آمنة", "امنه"], ["ٱلله", "الله"], ["مدرسة", "مدرسه"], ["على", "علي"], ["مسؤول", "مسوول"], ["رئيس", "رييس"], ["شيء", "شي"], ["قُرْآنٌ", "قران"], ["مـــرحبا", "مرحبا"], ["٢٠١٤", "2014"], ["۲۰۱۴", "2014"],
    ["ﻣﺮﺣﺒﺎ", "مرحبا"], ["ﷲ", "الله"], ["کتاب", "كتاب"], ["Crème BRÛLÉE", "creme brulee"], ["Straße", "strasse"], ["İstanbul", "istanbul"], ["ＡＢＣ", "abc"], ["ﬁne", "fine"],
  ])("%s is %s", (text, folded) => expect(foldText(text)).toBe(folded));

  it("leads back to the original", () => {
    const text = "قال: مُـحَمَّدٌ ﷲ إلى Straße";
    const { text: folded, starts } = foldWithPlaces(text);
    expect(starts).toHaveLength(folded.length + 1);
    expect(folded).toBe(foldText(text));
    expect(findWords(text).map(({ word, start, end }) => [word, text.slice(start, end)])).toEqual([["قال", "قال"], ["محمد", "مُـحَمَّدٌ"], ["الله", "ﷲ"], ["الي", "إلى"], ["strasse", "Straße"]]);
    expect(splitWords("a b c", 2)).toEqual(["a", "b"]);
    expect(["والكتاب", "الكتاب", "بالكتاب", "للبيت", "الم", "كتاب"].map(stripArticle)).toEqual(["كتاب", "كتاب", "كتاب", "بيت", "الم", "كتاب"]);
  });
});

describe("search", () => {
  const index = indexOf(
    message("$1", "أهلا بك في المدرسة الجديدة"), message("$2", "The school bus is late", { sender: "@y:b" }), message("$3", "مدرسه اولاد", { roomId: "!c:d" }), message("$4", "schooling at home", { roomId: "!c:d", sender: "@y:b" }), message("$5", "😀"),
  );

  it("finds Arabic words in any spelling, with and without article, newest first", () => {
    for (const typed of ["مدرسة", "المدرسه", "مَدْرَسَة", "مدر"]) expect(ids(index, typed)).toEqual(typed === "المدرسه" ? ["$1"] : ["$3", "$1"]);
    expect(ids(index, "SCHOOL")).toEqual(["$4", "$2"]);
    expect(ids(index, "school late")).toEqual(["$2"]);
    expect(ids(index, "school absent")).toEqual([]);
    expect([ids(index, ""), ids(index, "😀 !")]).toEqual([[], []]);
  });

  it("narrows by person, chat and time", () => {
    expect(ids(index, "school", { sender: "@y:b" })).toEqual(["$4", "$2"]);
    expect(ids(index, "school", { sender: "@nobody:b" })).toEqual([]);
    expect(ids(index, "school", { roomId: "!c:d" })).toEqual(["$4"]);
    expect(ids(index, "school", { after: 3 })).toEqual(["$4"]);
    expect(ids(index, "school", { after: 2, before: 2 })).toEqual(["$2"]);
  });

  it("checks phrases against the text", () => {
    const texts = new Map([["$1", "good morning all"], ["$2", "morning is good"], ["$3", "صباح الخير يا جماعة"], ["$4", "الخير صباح"]]);
    const phrases = indexOf(...[...texts].map(([id, text]) => message(id, text)));
    const find = (typed: string): readonly string[] => {
      const query = parseQuery(typed);
      return phrases.search(query, 10, (hit) => query.phrases.every((phrase) => containsPhrase(texts.get(hit.eventId) ?? "", phrase))).map((hit) => hit.eventId);
    };
    expect(find('"good morning"')).toEqual(["$1"]);
    expect(find("«صَبَاح الخير»")).toEqual(["$3"]);
    expect(find("good morning")).toEqual(["$2", "$1"]);
    expect(find('"good morn"')).toEqual([]);
  });

  it("follows edits and deletions, and forgets the words", () => {
    const changing = indexOf(message("$1", "first words"), message("$2", "second words", { roomId: "!c:d" }));
    changing.add(message("$1", "changed text"));
    expect([ids(changing, "first"), ids(changing, "changed"), changing.size]).toEqual([[], ["$1"], 2]);
    changing.remove("$1");
    changing.removeRoom("!c:d");
    expect([ids(changing, "changed"), ids(changing, "words"), changing.size, changing.has("$1")]).toEqual([[], [], 0, false]);
    expect(changing.takeChanges().write.flatMap((segment) => segment.words)).toEqual([]);
  });

  it("is newest first whatever the order messages came in", () => {
    const random = seededRandom(9);
    const order = Array.from({ length: SEGMENT_MESSAGES * 2 + 50 }, (_, n) => n).sort(() => random() - 0.5);
    const shuffled = indexOf(...order.map((n) => message(`$${n}`, n % 2 === 0 ? "even number" : "odd number")));
    const newest = order.length - 1 - ((order.length - 1) % 2);
    expect(ids(shuffled, "even").slice(0, 3)).toEqual([`$${newest}`, `$${newest - 2}`, `$${newest - 4}`]);
    expect(shuffled.search(parseQuery("number"), 400).map((hit) => hit.sentAt)).toEqual(Array.from({ length: 400 }, (_, n) => order.length - 1 - n));
  });

  it("reads what people type, within limits", () => {
    expect(parseQuery('  "a b" c “د')).toEqual({ words: ["c"], phrases: [["a", "b"], ["د"]] });
    expect(parseQuery("x ".repeat(1_000)).words).toHaveLength(QUERY_WORDS_MAX);
    const many = indexOf(...Array.from({ length: HITS_MAX + 10 }, (_, n) => message(`$${n}`, "same")));
    expect(many.search(parseQuery("same"), 1e9)).toHaveLength(HITS_MAX);
  });
});

describe("highlights", () => {
  const show = (text: string, typed: string): readonly string[] => highlight(text, parseQuery(typed)).map(({ start, end }) => text.slice(start, end));

  it("mark the original words", () => {
    expect(show("في المَدْرَسَةِ، مدرستي!", "مدرس")).toEqual(["المَدْرَسَةِ", "مدرستي"]);
    expect(show("Crème brûlée", "brulee cre")).toEqual(["Crème", "brûlée"]);
    expect(show("good morning, morning", '"good morning"')).toEqual(["good morning"]);
    expect(show("x", "y")).toEqual([]);
  });

  it("come with an excerpt around the first", () => {
    const text = `${"before ".repeat(30)}the needle here ${"after ".repeat(30)}`;
    const part = excerpt(text, highlight(text, parseQuery("needle")), 80);
    expect(part.text.length).toBeLessThanOrEqual(82);
    expect(part.ranges.map(({ start, end }) => part.text.slice(start, end))).toEqual(["needle"]);
    expect(excerpt("short", [], 80).text).toBe("short");
  });
});

describe("storing", () => {
  it("writes only what changed and comes back the same", () => {
    const index = new SearchIndex();
    for (let n = 0; n < SEGMENT_MESSAGES + 10; n += 1) index.add(message(`$${n}`, `word${n % 700} رقم ${n}`));
    const first = index.takeChanges();
    expect(first.write.map((segment) => segment.id)).toEqual([1, 2]);
    index.add(message("$new", "late"));
    index.remove("$3");
    const second = index.takeChanges();
    expect(second.write.map((segment) => segment.id)).toEqual([1, 2]);
    expect(index.takeChanges()).toEqual({ write: [], remove: [] });
    const again = new SearchIndex();
    for (const segment of [...second.write].reverse()) expect(again.load(structuredClone(segment))).toBe(true);
    for (const typed of ["word5", "رقم 4000", "late", "3"]) expect(again.search(parseQuery(typed))).toEqual(index.search(parseQuery(typed)));
    expect([again.size, again.has("$3"), again.load(second.write[0])]).toEqual([index.size, false, false]);
    again.add(message("$x", "fresh"));
    expect(again.takeChanges().write.map((segment) => segment.id)).toEqual([2]);
  });

  it("refuses damaged records", () => {
    const good = structuredClone(indexOf(message("$1", "hello world")).takeChanges().write[0]);
    for (const damage of [null, {}, [], { ...good, id: 0 }, { ...good, postings: Uint8Array.from([255, 255, 255, 255]) }, { ...good, postings: Uint8Array.from([9, 9]) }, { ...good, times: [] }, { ...good, words: ["a"] }, { ...good, roomOf: new Uint16Array(9) }]) expect(new SearchIndex().load(damage)).toBe(false);
  });
});
