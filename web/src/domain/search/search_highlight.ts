import { findWords, stripArticle } from "../arabic_text";
import type { WordPlace } from "../arabic_text";
import type { SearchQuery } from "./search_query";

/** Part of the original text, in UTF-16 code units. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

export const RANGES_MAX = 200;

/** True if a word of a text answers a word of a query: it begins with it, with or without the Arabic article. */
export function wordMatches(word: string, wanted: string): boolean {
  return word.startsWith(wanted) || stripArticle(word).startsWith(wanted);
}

/** Where the query's words stand in the text, in order, without overlaps. */
export function highlight(text: string, query: SearchQuery): readonly TextRange[] {
  const places = findWords(text);
  const ranges: TextRange[] = [];
  places.forEach((place, index) => {
    const wanted = query.words.find((word) => wordMatches(place.word, word));
    if (wanted !== undefined) ranges.push({ start: place.start, end: place.end });
    for (const phrase of query.phrases) if (phraseAt(places, index, phrase)) ranges.push({ start: place.start, end: places[index + phrase.length - 1]?.end ?? place.end });
  });
  return merge(ranges.sort((a, b) => a.start - b.start)).slice(0, RANGES_MAX);
}

function phraseAt(places: readonly WordPlace[], index: number, phrase: readonly string[]): boolean {
  return phrase.every((word, offset) => {
    const found = places[index + offset]?.word;
    return found !== undefined && (found === word || stripArticle(found) === word);
  });
}

export function containsPhrase(text: string, phrase: readonly string[]): boolean {
  const places = findWords(text);
  return places.some((_, index) => phraseAt(places, index, phrase));
}

function merge(ranges: readonly TextRange[]): readonly TextRange[] {
  const merged: TextRange[] = [];
  for (const range of ranges) {
    const last = merged.at(-1);
    if (last !== undefined && range.start < last.end) merged[merged.length - 1] = { start: last.start, end: Math.max(last.end, range.end) };
    else merged.push(range);
  }
  return merged;
}

/** The part of a long text around its first match, with the ranges moved along; words are not cut. */
export function excerpt(text: string, ranges: readonly TextRange[], length: number): { readonly text: string; readonly ranges: readonly TextRange[] } {
  if (text.length <= length) return { text, ranges };
  const first = ranges[0]?.start ?? 0;
  let from = Math.max(0, Math.min(first - Math.floor(length / 3), text.length - length));
  if (from > 0) {
    const space = text.indexOf(" ", from);
    if (space !== -1 && space < first) from = space + 1;
  }
  let to = Math.min(text.length, from + length);
  if (to < text.length) {
    const space = text.lastIndexOf(" ", to);
    if (space > from + length / 2) to = space;
  }
  const lead = from > 0 ? "…" : "";
  const shifted = ranges.filter((range) => range.start >= from && range.end <= to).map((range) => ({ start: range.start - from + lead.length, end: range.end - from + lead.length }));
  return { text: lead + text.slice(from, to) + (to < text.length ? "…" : ""), ranges: shifted };
}
