import { splitWords, stripArticle } from "../arabic_text";
import { IndexSegment } from "./search_segment";
import type { StoredSegment } from "./search_segment";
import type { SearchQuery } from "./search_query";
import { isEmptyQuery } from "./search_query";

/**
 * Search inside encrypted history, on this device. Messages are numbered as they are added and kept in segments of SEGMENT_MESSAGES; only the newest
 * segment changes, so that storing again writes little. The index holds words, not texts: phrases are checked by the caller's `textOf`.
 */
export interface SearchableMessage {
  readonly eventId: string;
  readonly roomId: string;
  readonly sender: string;
  /** ms since 1970. */
  readonly sentAt: number;
  readonly text: string;
}

export interface SearchHit {
  readonly eventId: string;
  readonly roomId: string;
  readonly sender: string;
  readonly sentAt: number;
}

export const SEGMENT_MESSAGES = 4_096;
/** The oldest segments go first; half a million messages take some 100 MB at most. */
export const MESSAGES_MAX = 500_000;
export const WORDS_PER_MESSAGE_MAX = 400;
export const WORD_LENGTH_MAX = 40;
export const HITS_MAX = 500;

export class SearchIndex {
  #segments: IndexSegment[] = [];
  readonly #changed = new Set<number>();
  readonly #dropped = new Set<number>();
  #nextId = 1;

  get size(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.liveCount, 0);
  }

  has(eventId: string): boolean {
    return this.#segments.some((segment) => segment.has(eventId));
  }

  /** Adds a message, or replaces what an edited one said. */
  add(message: SearchableMessage): void {
    this.remove(message.eventId);
    const words = indexedWords(message.text);
    if (words.size === 0) return;
    const segment = this.#openSegment();
    segment.add(message, words);
    this.#changed.add(segment.id);
  }

  /** For deleted and expired messages: their words are forgotten too. */
  remove(eventId: string): void {
    for (const segment of this.#segments) if (segment.remove(eventId)) this.#changed.add(segment.id);
  }

  removeRoom(roomId: string): void {
    for (const segment of this.#segments) if (segment.removeRoom(roomId)) this.#changed.add(segment.id);
  }

  /** Newest first. `textMatches` looks at a message's text where phrases have to be checked; without it their words only have to occur. */
  search(query: SearchQuery, hitsMax = 50, textMatches?: (hit: SearchHit) => boolean): readonly SearchHit[] {
    if (isEmptyQuery(query)) return [];
    const max = Math.min(hitsMax, HITS_MAX);
    let hits: SearchHit[] = [];
    // History loads backwards, so segments overlap in time; once a page is full, older ones cannot change it.
    for (const segment of [...this.#segments].sort((a, b) => b.newestAt - a.newestAt)) {
      const last = hits[max - 1];
      if (last !== undefined && last.sentAt > segment.newestAt) break;
      const found = [...segment.search(query)].sort(newestFirst);
      hits.push(...(textMatches === undefined ? found.slice(0, max) : takeMatching(found, max, textMatches)));
      hits = hits.sort(newestFirst).slice(0, max);
    }
    return hits;
  }

  /** Segments to write and IDs of segments to delete since the last call, one record each. */
  takeChanges(): { readonly write: readonly StoredSegment[]; readonly remove: readonly number[] } {
    const write = this.#segments.filter((segment) => this.#changed.has(segment.id)).map((segment) => segment.store());
    const remove = [...this.#dropped];
    this.#changed.clear();
    this.#dropped.clear();
    return { write, remove };
  }

  /** Takes back what `takeChanges` gave, in any order, one at a time so that no start-up blocks. False if the record is damaged. */
  load(stored: unknown): boolean {
    const segment = IndexSegment.restore(stored);
    if (segment === undefined || this.#segments.some((other) => other.id === segment.id)) return false;
    this.#segments.push(segment);
    this.#segments.sort((a, b) => a.id - b.id);
    this.#nextId = Math.max(this.#nextId, segment.id + 1);
    return true;
  }

  #openSegment(): IndexSegment {
    const last = this.#segments.at(-1);
    if (last !== undefined && last.count < SEGMENT_MESSAGES) return last;
    const segment = new IndexSegment(this.#nextId++);
    this.#segments.push(segment);
    while (this.size > MESSAGES_MAX) {
      const oldest = this.#segments.shift();
      if (oldest === undefined) break;
      this.#changed.delete(oldest.id);
      this.#dropped.add(oldest.id);
    }
    return segment;
  }
}

function newestFirst(a: SearchHit, b: SearchHit): number {
  return b.sentAt - a.sentAt || (a.eventId < b.eventId ? 1 : -1);
}

function takeMatching(hits: readonly SearchHit[], max: number, matches: (hit: SearchHit) => boolean): readonly SearchHit[] {
  const kept: SearchHit[] = [];
  for (const hit of hits) {
    if (kept.length >= max) break;
    if (matches(hit)) kept.push(hit);
  }
  return kept;
}

/** Each word once, with the article and without. */
function indexedWords(text: string): ReadonlySet<string> {
  const words = new Set<string>();
  for (const word of splitWords(text.slice(0, 20_000), WORDS_PER_MESSAGE_MAX)) {
    const cut = word.slice(0, WORD_LENGTH_MAX);
    words.add(cut);
    const bare = stripArticle(cut);
    if (bare !== cut) words.add(bare);
  }
  return words;
}
