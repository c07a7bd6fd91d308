import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { foldText, splitWords } from "../arabic_text";

/** What a message or a file is recognised by on this device. Never sent anywhere. */
export interface Fingerprint {
  /** HMAC of the text, and of the file if there is one. */
  readonly tags: readonly string[];
  /** MinHash of the text, from SHINGLED_WORDS_MIN words on. */
  readonly signature?: Uint32Array;
  /** True for what many people say of themselves ("good morning"): recognised only in what this device forwarded, never as a copy. */
  readonly everyday: boolean;
}

export interface GuardedContent {
  readonly text?: string;
  /** Of the file itself, decrypted; lower-case hexadecimal or base64, but always the same. */
  readonly fileSha256?: string;
  /** Where the file is. It stands for the file until that has been decrypted here. */
  readonly mxc?: string;
}

export const TAG_BYTES = 16;
export const PERMUTATIONS = 128;
export const SHINGLE_WORDS = 3;
export const SHINGLED_WORDS_MIN = 12;
/** Longer texts are recognised by their beginning. */
export const WORDS_MAX = 2_000;
export const TEXT_LENGTH_MAX = 20_000;
/** Texts shorter than this are everyday words. */
export const RECOGNISED_LETTERS_MIN = 25;

const encoder = new TextEncoder();
/** Fixed and public: it only keeps these tags apart from other hashes of the same texts. */
const TAG_KEY = encoder.encode("zajil forward guard tag v1");

/** The text in the form it is compared in: NFKC, one spelling, single spaces, no punctuation. */
export function normaliseText(text: string): string {
  return (foldText(text.slice(0, TEXT_LENGTH_MAX)).match(/[\p{L}\p{N}\p{Extended_Pictographic}]+/gu) ?? []).join(" ");
}

export function fingerprint(content: GuardedContent): Fingerprint {
  const exact = exactFingerprint(content);
  const words = splitWords((content.text ?? "").slice(0, TEXT_LENGTH_MAX), WORDS_MAX);
  return words.length < SHINGLED_WORDS_MIN ? exact : { ...exact, signature: minHash(words) };
}

/** What the very same content is recognised by; without the signature, which costs more. */
export function exactFingerprint(content: GuardedContent): Omit<Fingerprint, "signature"> {
  const normal = normaliseText(content.text ?? "");
  const isShort = normal.length < RECOGNISED_LETTERS_MIN;
  const hasFile = content.fileSha256 !== undefined || content.mxc !== undefined;
  const tags: string[] = [];
  // Everyday words below a picture are not what makes it the same picture.
  if (normal !== "" && !(hasFile && isShort)) tags.push(makeTag(`text:${normal}`));
  if (content.fileSha256 !== undefined) tags.push(makeTag(`file:${content.fileSha256}`));
  if (content.mxc !== undefined) tags.push(tagOfMxc(content.mxc));
  return { tags, everyday: !hasFile && isShort };
}

export function tagOfMxc(mxc: string): string {
  return makeTag(`mxc:${mxc}`);
}

/** Not by WebCrypto, which answers only later and only in secure contexts; texts are short. */
function makeTag(text: string): string {
  let tag = "";
  for (const byte of hmac(sha256, TAG_KEY, encoder.encode(text)).subarray(0, TAG_BYTES)) tag += byte.toString(16).padStart(2, "0");
  return tag;
}

/** FNV-1a with a final mix: good enough to spread shingles, and fast. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return mix(hash);
}

function mix(value: number): number {
  let hash = value ^ (value >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Every permutation is a mix with a seed of its own; all devices use the same. */
const SEEDS = Uint32Array.from({ length: PERMUTATIONS }, (_, index) => mix(Math.imul(index + 1, 0x9e3779b9)));

export function minHash(words: readonly string[]): Uint32Array {
  const signature = new Uint32Array(PERMUTATIONS).fill(0xffffffff);
  const seen = new Set<number>();
  for (let at = 0; at + SHINGLE_WORDS <= words.length; at += 1) {
    const shingle = hashText(words.slice(at, at + SHINGLE_WORDS).join(" "));
    if (seen.has(shingle)) continue;
    seen.add(shingle);
    for (let index = 0; index < PERMUTATIONS; index += 1) {
      const value = mix(shingle ^ (SEEDS[index] as number));
      if (value < (signature[index] as number)) signature[index] = value;
    }
  }
  return signature;
}

/** Estimate of the Jaccard similarity of the shingle sets, 0 to 1; its standard error is at most 0.044. */
export function similarity(a: Uint32Array, b: Uint32Array): number {
  let equal = 0;
  for (let index = 0; index < PERMUTATIONS; index += 1) if (a[index] === b[index]) equal += 1;
  return equal / PERMUTATIONS;
}
