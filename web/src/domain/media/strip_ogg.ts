import { patchPieces, type ByteSource, type Patch, type Piece } from "./byte_source";
import { ascii, startsWith, u32le, u8 } from "./bytes";

/** Headers stand at the start; comments with a cover picture may be long. */
const HEADERS_BYTES_MAX = 4 * 1024 * 1024;

interface Page {
  readonly at: number;
  readonly body: number;
  readonly end: number;
  readonly serial: number;
  readonly lacing: Uint8Array;
}

/**
 * An Ogg file whose comment headers (Opus, Vorbis) are emptied in place: no vendor, no comments, zeros to their old length, new checksums.
 * Undefined if it is broken or holds another codec.
 */
export async function stripOgg(source: ByteSource): Promise<Piece[] | undefined> {
  const bytes = new Uint8Array(await source.read(0, HEADERS_BYTES_MAX));
  /** Packets ended so far, by logical stream; the comments are the second (index 1). */
  const packets = new Map<number, number>();
  const empty = new Map<number, Uint8Array>();
  const patches: Patch[] = [];
  for (let page = readPage(bytes, 0); page; page = readPage(bytes, page.end)) {
    let index = packets.get(page.serial) ?? 0;
    let at = page.body;
    let changed = false;
    for (const lace of page.lacing) {
      if (index === 1) {
        const fresh = empty.get(page.serial) ?? buildEmptyComments(bytes, at);
        if (!fresh) return undefined;
        bytes.fill(0, at, at + lace);
        bytes.set(fresh.subarray(0, lace), at);
        empty.set(page.serial, fresh.subarray(Math.min(lace, fresh.length)));
        changed = true;
      }
      at += lace;
      if (lace < 255) index++;
    }
    packets.set(page.serial, index);
    if (changed) patches.push(sealPage(bytes, page));
    if ([...packets.values()].every((ended) => ended >= 2)) return patchPieces(source.size, patches);
  }
  return undefined;
}

function readPage(bytes: Uint8Array, at: number): Page | undefined {
  if (!startsWith(bytes, "OggS", at)) return undefined;
  const segments = u8(bytes, at + 26);
  const lacing = bytes.slice(at + 27, at + 27 + segments);
  const body = at + 27 + segments;
  const end = lacing.reduce((sum, lace) => sum + lace, body);
  return end <= bytes.length ? { at, body, end, serial: u32le(bytes, at + 14), lacing } : undefined;
}

/** The magic of the codec, a vendor of length 0, 0 comments; Vorbis wants a framing bit behind. */
function buildEmptyComments(bytes: Uint8Array, at: number): Uint8Array | undefined {
  if (startsWith(bytes, "OpusTags", at)) return new Uint8Array([...ascii("OpusTags"), 0, 0, 0, 0, 0, 0, 0, 0]);
  if (startsWith(bytes, "\x03vorbis", at)) return new Uint8Array([...ascii("\x03vorbis"), 0, 0, 0, 0, 0, 0, 0, 0, 1]);
  return undefined;
}

function sealPage(bytes: Uint8Array<ArrayBuffer>, page: Page): Patch {
  bytes.fill(0, page.at + 22, page.at + 26);
  new DataView(bytes.buffer).setUint32(page.at + 22, oggChecksum(bytes.subarray(page.at, page.end)), true);
  return { at: page.at, bytes: bytes.slice(page.at, page.end) };
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000_0000 ? (crc << 1) ^ 0x04c1_1db7 : crc << 1;
  return crc;
});

/** CRC-32 with polynomial 0x04c11db7, not reflected, from 0 (RFC 3533, section 6). */
export function oggChecksum(page: Uint8Array): number {
  let crc = 0;
  for (const byte of page) crc = (crc << 8) ^ (CRC_TABLE[(crc >>> 24) ^ byte] ?? 0);
  return crc >>> 0;
}
