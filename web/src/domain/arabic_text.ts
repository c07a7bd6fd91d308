/**
 * One spelling for what people take as the same word: Arabic is written with and without hamza, vowels and dots, Latin with and without accents and
 * capitals. For comparing only, never for display. Every function works on single characters, so that places in the folded text lead back to the original.
 */

/** Letters that stand for each other; ة ى ؤ ئ and all forms of alif, Persian and Urdu letters as they are typed on other keyboards. */
const LETTERS: ReadonlyMap<string, string> = new Map([
  ["أ", "ا"], ["إ", "ا"], ["آ", "ا"], ["ٱ", "ا"], ["ٲ", "ا"], ["ٳ", "ا"], ["ة", "ه"], ["ۀ", "ه"], ["ە", "ه"], ["ہ", "ه"], ["ھ", "ه"], ["ۂ", "ه"], ["ۃ", "ه"], ["ى", "ي"], ["ی", "ي"], ["ې", "ي"], ["ے", "ي"], ["ئ", "ي"],
  ["ؤ", "و"], ["ک", "ك"], ["ڪ", "ك"], ["ء", ""], ["ـ", ""],
  ["ß", "ss"], ["ı", "i"], ["ø", "o"], ["đ", "d"], ["ł", "l"], ["æ", "ae"], ["œ", "oe"], ["ð", "d"], ["þ", "th"],
]);
/** Arabic-Indic and extended digits. */
const DIGIT_ZEROS = [0x0660, 0x06f0, 0x0966];
/** Tashkeel, other marks, joiners and direction marks. */
const IGNORED = /[\p{M}\u200B-\u200F\u061C\u2060-\u2064\uFEFF\u00AD\u202A-\u202E\u2066-\u2069]/gu;

/** Folding of single characters is cached: texts repeat a few hundred of them. */
const cache = new Map<string, string>();
const CACHE_MAX = 5_000;

function foldCharacter(character: string): string {
  const known = cache.get(character);
  if (known !== undefined) return known;
  let folded = "";
  // NFKC resolves presentation forms and wide letters, NFD then splits accents off.
  for (const part of character.normalize("NFKC").toLowerCase()) {
    const letter = LETTERS.get(part);
    if (letter !== undefined) folded += letter;
    else folded += [...part.normalize("NFD").replace(IGNORED, "")].map((base) => LETTERS.get(base) ?? foldDigit(base)).join("");
  }
  if (cache.size >= CACHE_MAX) cache.clear();
  cache.set(character, folded);
  return folded;
}

function foldDigit(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  for (const zero of DIGIT_ZEROS) if (code >= zero && code <= zero + 9) return String(code - zero);
  return character;
}

const ASCII_ONLY = /^[\x00-\x7F]*$/u;

/** The text in the one spelling. */
export function foldText(text: string): string {
  if (ASCII_ONLY.test(text)) return text.toLowerCase();
  let folded = "";
  for (const character of text) folded += foldCharacter(character);
  return folded;
}

export interface FoldedText {
  readonly text: string;
  /** For every code unit of `text` where its character begins in the original, and at the end the original's length. */
  readonly starts: Uint32Array;
}

/** As `foldText`, with the way back to the original. */
export function foldWithPlaces(text: string): FoldedText {
  let folded = "";
  const starts: number[] = [];
  let at = 0;
  for (const character of text) {
    const part = foldCharacter(character);
    for (let unit = 0; unit < part.length; unit += 1) starts.push(at);
    folded += part;
    at += character.length;
  }
  starts.push(text.length);
  return { text: folded, starts: Uint32Array.from(starts) };
}

const WORD = /[\p{L}\p{N}]+/gu;

/** The words of a text in the one spelling, at most `max`. */
export function splitWords(text: string, max = Number.POSITIVE_INFINITY): readonly string[] {
  const words: string[] = [];
  for (const [word] of foldText(text).matchAll(WORD)) {
    if (words.length >= max) break;
    words.push(word);
  }
  return words;
}

export interface WordPlace {
  readonly word: string;
  /** In the original text. */
  readonly start: number;
  readonly end: number;
}

/** As `splitWords`, each with its place in the original, marks that belong to it included. */
export function findWords(text: string): readonly WordPlace[] {
  const { text: folded, starts } = foldWithPlaces(text);
  const places: WordPlace[] = [];
  for (const found of folded.matchAll(WORD)) {
    const from = found.index;
    const start = starts[from] ?? 0;
    const end = endOfWord(text, starts[from + found[0].length - 1] ?? start);
    places.push({ word: found[0], start, end });
  }
  return places;
}

const NOT_OF_WORD = /[^\p{M}\u0640\u0621\u200C\u200D]/u;

/** After the character at `last` and the marks, tatweel and hamza that follow it. */
export function endOfWord(text: string, last: number): number {
  let end = last + String.fromCodePoint(text.codePointAt(last) ?? 32).length;
  while (end < text.length && !NOT_OF_WORD.test(text[end] ?? " ")) end += 1;
  return end;
}

const ARTICLES = ["وال", "بال", "كال", "فال", "لل", "ال"];

/** The word without the Arabic article and what is joined to it ("والكتاب" → "كتاب"), if three letters remain. */
export function stripArticle(word: string): string {
  // Nearly all words leave here; this runs for every word that is indexed.
  if (!"وبكفلا".includes(word[0] ?? " ")) return word;
  const article = ARTICLES.find((prefix) => word.startsWith(prefix) && word.length - prefix.length >= 3);
  return article === undefined ? word : word.slice(article.length);
}
