import { readRecord, readToken } from "../untrusted";
import type { StoredSegment } from "./search_segment";

const PACKED_LENGTH_MAX = 64 * 1024 * 1024;
const NUMBERS = { roomOf: Uint16Array, senderOf: Uint16Array, times: Float64Array, lengths: Uint32Array, postings: Uint8Array } as const;
type NumberField = keyof typeof NUMBERS;
const FIELDS = Object.keys(NUMBERS) as readonly NumberField[];

/** A segment of the index as JSON, which knows no arrays of bytes. */
export function packSegment(segment: StoredSegment): Readonly<Record<string, unknown>> {
  const packed = FIELDS.map((field) => [field, pack(segment[field])] as const);
  return { ...segment, ...Object.fromEntries(packed) };
}

/** The counterpart; what is damaged is left for `IndexSegment.restore` to refuse. */
export function unpackSegment(value: unknown): unknown {
  const record = readRecord(value);
  if (record === undefined) return undefined;
  return { ...record, ...Object.fromEntries(FIELDS.map((field) => [field, unpack(readToken(record, field, PACKED_LENGTH_MAX), NUMBERS[field])])) };
}

const PIECE = 0x8000;

function pack(numbers: Uint16Array | Uint32Array | Float64Array | Uint8Array): string {
  const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  let text = "";
  for (let at = 0; at < bytes.length; at += PIECE) text += String.fromCharCode(...bytes.subarray(at, at + PIECE));
  return btoa(text);
}

function unpack(text: string | undefined, kind: (typeof NUMBERS)[NumberField]): unknown {
  if (text === undefined) return undefined;
  try {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return bytes.length % kind.BYTES_PER_ELEMENT === 0 ? new kind(bytes.buffer) : undefined;
  } catch {
    return undefined;
  }
}
