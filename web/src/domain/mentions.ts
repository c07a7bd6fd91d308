import { foldText, stripArticle } from "./arabic_text";
import { localpart } from "./matrix_id";

export interface Mentionable {
  readonly userId: string;
  readonly name: string;
}

export const MENTIONS_SHOWN_MAX = 8;
/** Members of one room that are offered; larger rooms are searched by the server. */
export const MEMBERS_MAX = 20_000;

interface Entry<T> {
  readonly person: T;
  readonly name: string;
  /** Beginnings to look for, the articles taken off as well. */
  readonly words: readonly string[];
  readonly id: string;
  readonly order: number;
}

export interface MentionIndex<T extends Mentionable> {
  /** The best matches first; without words those who spoke last. */
  find(words: string, shownMax?: number): readonly T[];
}

/**
 * Made once for a room's members. `recent` lists user IDs, who spoke last first: among equal matches they come first. Arabic names are found in any
 * spelling, with and without the article.
 */
export function buildMentionIndex<T extends Mentionable>(members: readonly T[], recent: readonly string[] = []): MentionIndex<T> {
  const ranks = new Map(recent.map((userId, index) => [userId, index]));
  const entries: readonly Entry<T>[] = members.slice(0, MEMBERS_MAX).map((person, index) => {
    const name = foldText(person.name).trim();
    return { person, name, words: wordsOf(name), id: foldText(localpart(person.userId)), order: ranks.get(person.userId) ?? recent.length + index };
  });
  return {
    find(words, shownMax = MENTIONS_SHOWN_MAX) {
      const wanted = foldText(words.replace(/^@/u, "")).trim();
      const scored: { readonly entry: Entry<T>; readonly score: number }[] = [];
      for (const entry of entries) {
        const score = wanted === "" ? 1 : scoreEntry(entry, wanted);
        if (score > 0) scored.push({ entry, score });
      }
      scored.sort((a, b) => b.score - a.score || a.entry.order - b.entry.order);
      return scored.slice(0, shownMax).map(({ entry }) => entry.person);
    },
  };
}

function wordsOf(foldedName: string): readonly string[] {
  const words = foldedName.match(/[\p{L}\p{N}]+/gu)?.slice(0, 10) ?? [];
  return [...words, ...words.map(stripArticle).filter((bare, index) => bare !== words[index])];
}

/** The whole name, its beginning, a word's beginning, the ID's beginning, anywhere. */
function scoreEntry<T>(entry: Entry<T>, wanted: string): number {
  if (entry.name === wanted || entry.id === wanted) return 6;
  if (entry.name.startsWith(wanted)) return 5;
  if (entry.words.some((word) => word.startsWith(wanted))) return 4;
  if (entry.id.startsWith(wanted)) return 3;
  return wanted.length >= 2 && (entry.name.includes(wanted) || entry.id.includes(wanted)) ? 1 : 0;
}
