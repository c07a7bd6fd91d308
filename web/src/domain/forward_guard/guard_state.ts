import { readInteger, readList, readRecord, readToken } from "../untrusted";
import type { JsonRecord } from "../untrusted";
import { PERMUTATIONS, TAG_BYTES } from "./fingerprint";

/** What the guard remembers: tags, signatures, hops, times and rooms. No text, no sender. */
export interface SeenContent {
  readonly tags: readonly string[];
  readonly signature?: Uint32Array;
  readonly hop: number;
  readonly at: number;
}

/** What this person wrote or made themselves. */
export interface OwnContent {
  readonly tags: readonly string[];
  readonly signature?: Uint32Array;
  readonly at: number;
}

export interface SentContent {
  readonly tags: readonly string[];
  readonly signature?: Uint32Array;
  readonly roomId: string;
  readonly isGroup: boolean;
  readonly at: number;
}

/** Fit for JSON and for structured cloning. */
export interface GuardState {
  readonly version: 1;
  readonly seen: readonly JsonRecord[];
  readonly sent: readonly JsonRecord[];
  readonly own?: readonly JsonRecord[];
}

export interface Remembered {
  readonly seen: readonly SeenContent[];
  readonly sent: readonly SentContent[];
  readonly own: readonly OwnContent[];
}

const ENTRIES_MAX = 10_000;
const TAG = new RegExp(`^[0-9a-f]{${TAG_BYTES * 2}}$`, "u");
const SIGNATURE_LENGTH = Math.ceil((PERMUTATIONS * 4) / 3) * 4;

export function writeState(state: Remembered): GuardState {
  const prints = (entry: OwnContent): JsonRecord => ({ t: [...entry.tags], ...(entry.signature === undefined ? {} : { s: encodeSignature(entry.signature) }), at: entry.at });
  return {
    version: 1,
    seen: state.seen.map((entry) => ({ ...prints(entry), h: entry.hop })),
    sent: state.sent.map((entry) => ({ ...prints(entry), r: entry.roomId, g: entry.isGroup })),
    own: state.own.map(prints),
  };
}

/** Entries that are not well formed are left out; a damaged state is an empty one. Oldest first, as the guard needs them. */
export function readState(saved: unknown): Remembered {
  const state = readRecord(saved);
  if (state === undefined || state["version"] !== 1) return { seen: [], sent: [], own: [] };
  const seen = readList(state, "seen", ENTRIES_MAX).map(readRecord).flatMap(readSeen);
  const sent = readList(state, "sent", ENTRIES_MAX).map(readRecord).flatMap(readSent);
  const own = readList(state, "own", ENTRIES_MAX).map(readRecord).flatMap((entry) => readPrints(entry) ?? []);
  return { seen: seen.sort(byTime), sent: sent.sort(byTime), own: own.sort(byTime) };
}

function byTime(a: OwnContent, b: OwnContent): number {
  return a.at - b.at;
}

function readPrints(entry: JsonRecord | undefined): OwnContent | undefined {
  const at = readInteger(entry, "at", 0, Number.MAX_SAFE_INTEGER);
  if (at === undefined) return undefined;
  const tags = readList(entry, "t", 4).filter((tag): tag is string => typeof tag === "string" && TAG.test(tag));
  const signature = decodeSignature(readToken(entry, "s", SIGNATURE_LENGTH));
  if (tags.length === 0 && signature === undefined) return undefined;
  return { tags, at, ...(signature === undefined ? {} : { signature }) };
}

function readSeen(entry: JsonRecord | undefined): readonly SeenContent[] {
  const prints = readPrints(entry);
  const hop = readInteger(entry, "h", 0, 4);
  return prints === undefined || hop === undefined ? [] : [{ ...prints, hop }];
}

function readSent(entry: JsonRecord | undefined): readonly SentContent[] {
  const prints = readPrints(entry);
  const roomId = readToken(entry, "r", 255);
  return prints === undefined || roomId === undefined ? [] : [{ ...prints, roomId, isGroup: entry?.["g"] === true }];
}

function encodeSignature(signature: Uint32Array): string {
  const bytes = new Uint8Array(PERMUTATIONS * 4);
  const view = new DataView(bytes.buffer);
  signature.forEach((value, index) => view.setUint32(index * 4, value));
  return btoa(String.fromCharCode(...bytes));
}

function decodeSignature(text: string | undefined): Uint32Array | undefined {
  if (text === undefined || text.length !== SIGNATURE_LENGTH) return undefined;
  try {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    if (bytes.length !== PERMUTATIONS * 4) return undefined;
    const view = new DataView(bytes.buffer);
    return Uint32Array.from({ length: PERMUTATIONS }, (_, index) => view.getUint32(index * 4));
  } catch {
    return undefined;
  }
}
