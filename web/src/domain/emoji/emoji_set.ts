import { foldText, splitWords, stripArticle } from "../arabic_text";
import { applySkinTone } from "./skin_tone";
import type { SkinTone } from "./skin_tone";

export const EMOJI_GROUPS = ["smileys", "people", "animals", "food", "travel", "activities", "objects", "symbols", "flags"] as const;
/** Its title is the text `emoji.group_<id>`. */
export type EmojiGroupId = (typeof EMOJI_GROUPS)[number];

/** data/emojis.json: emojis in the usual order, with spaces between. */
export interface EmojiData {
  readonly groups: readonly { readonly id: string; readonly emojis: string }[];
  readonly toned: string;
}

export interface Emoji {
  readonly emoji: string;
  readonly group: EmojiGroupId;
  readonly hasTones: boolean;
}

export const RESULTS_MAX = 120;
export const QUERY_LENGTH_MAX = 60;

/** Words of one emoji in all loaded languages, folded. */
interface Entry {
  readonly emoji: Emoji;
  readonly names: string[];
  readonly words: { readonly word: string; readonly weight: number }[];
}

/** The emojis with their names: for a picker and its search, in the languages that were added. */
export class EmojiSet {
  readonly groups: readonly { readonly id: EmojiGroupId; readonly emojis: readonly Emoji[] }[];
  readonly #entries: readonly Entry[];
  readonly #byEmoji = new Map<string, number>();
  readonly #names = new Map<string, readonly string[]>();

  constructor(data: EmojiData) {
    const toned = new Set(data.toned.split(" "));
    this.groups = data.groups.flatMap(({ id, emojis }) => {
      const group = EMOJI_GROUPS.find((known) => known === id);
      return group === undefined ? [] : [{ id: group, emojis: emojis.split(" ").map((emoji) => ({ emoji, group, hasTones: toned.has(emoji) })) }];
    });
    this.#entries = this.groups.flatMap((group) => group.emojis).map((emoji) => ({ emoji, names: [], words: [] }));
    this.#entries.forEach(({ emoji }, index) => this.#byEmoji.set(bareEmoji(emoji.emoji), index));
  }

  /** `lines` of data/<language>.json: "name|keyword,keyword", one an emoji, in order. */
  addLanguage(language: string, lines: readonly string[]): void {
    if (this.#names.has(language) || lines.length !== this.#entries.length) return;
    this.#names.set(language, lines.map((line) => line.split("|", 1)[0] ?? ""));
    this.#entries.forEach((entry, index) => {
      const [name = "", keywords = ""] = (lines[index] ?? "").split("|");
      entry.names.push(foldText(name));
      for (const word of splitWords(name)) entry.words.push({ word, weight: 2 });
      for (const word of splitWords(keywords)) entry.words.push({ word, weight: 1 });
    });
  }

  has(emoji: string): boolean {
    return this.#byEmoji.has(bareEmoji(emoji));
  }

  /** The emoji's name in a language that was added, for screen readers and tooltips. */
  nameOf(emoji: string, language: string): string | undefined {
    const index = this.#byEmoji.get(bareEmoji(emoji));
    return index === undefined ? undefined : this.#names.get(language)?.[index];
  }

  find(emoji: string): Emoji | undefined {
    const index = this.#byEmoji.get(bareEmoji(emoji));
    return index === undefined ? undefined : this.#entries[index]?.emoji;
  }

  /** All emojis each typed word of which begins a word of their names or keywords, best first. An emoji finds itself. */
  search(typed: string, resultsMax = RESULTS_MAX): readonly Emoji[] {
    const query = typed.slice(0, QUERY_LENGTH_MAX).replace(/:/gu, " ").replaceAll("_", " ").trim();
    const itself = this.find(query);
    if (itself !== undefined) return [itself];
    const wanted = splitWords(query);
    if (wanted.length === 0) return [];
    const phrase = foldText(query);
    const scored: { readonly emoji: Emoji; readonly score: number; readonly order: number }[] = [];
    this.#entries.forEach((entry, order) => {
      const score = scoreEntry(entry, wanted, phrase);
      if (score > 0) scored.push({ emoji: entry.emoji, score, order });
    });
    scored.sort((a, b) => b.score - a.score || a.order - b.order);
    return scored.slice(0, Math.min(resultsMax, RESULTS_MAX)).map(({ emoji }) => emoji);
  }
}

function scoreEntry(entry: Entry, wanted: readonly string[], phrase: string): number {
  let score = entry.names.includes(phrase) ? 8 : 0;
  for (const query of wanted) {
    let best = 0;
    for (const { word, weight } of entry.words) {
      const bare = stripArticle(word);
      if (word === query || bare === query) best = Math.max(best, weight + 2);
      else if (word.startsWith(query) || bare.startsWith(query)) best = Math.max(best, weight);
    }
    if (best === 0) return 0;
    score += best;
  }
  return score;
}

function bareEmoji(emoji: string): string {
  return emoji.replace(/[\uFE0F\u{1F3FB}-\u{1F3FF}]/gu, "");
}

/** The emoji as the person wants it, if it comes in tones. */
export function withTone(emoji: Emoji, tone: SkinTone): string {
  return emoji.hasTones ? applySkinTone(emoji.emoji, tone) : emoji.emoji;
}
