import { splitWords } from "../arabic_text";

/** What to look for. All parts must hold. */
export interface SearchQuery {
  /** Whole words but for the last, which may be the beginning of one; every one must occur. */
  readonly words: readonly string[];
  /** In quotation marks: words that must stand one after the other. */
  readonly phrases: readonly (readonly string[])[];
  readonly sender?: string;
  readonly roomId?: string;
  /** ms since 1970, both included. */
  readonly after?: number;
  readonly before?: number;
}

export const QUERY_LENGTH_MAX = 400;
export const QUERY_WORDS_MAX = 16;

const QUOTED = /["“”«»„]([^"“”«»„]*)["“”«»„]?/gu;

/** Reads what a person typed; filters come from the interface's own fields. */
export function parseQuery(typed: string, filters: Omit<SearchQuery, "words" | "phrases"> = {}): SearchQuery {
  const text = typed.slice(0, QUERY_LENGTH_MAX);
  const phrases: (readonly string[])[] = [];
  const rest = text.replace(QUOTED, (_whole, inner: string) => {
    const words = splitWords(inner, QUERY_WORDS_MAX);
    if (words.length > 0) phrases.push(words);
    return " ";
  });
  return { words: splitWords(rest, QUERY_WORDS_MAX), phrases: phrases.slice(0, QUERY_WORDS_MAX), ...filters };
}

export function isEmptyQuery(query: SearchQuery): boolean {
  return query.words.length === 0 && query.phrases.length === 0;
}
