import { patchPieces, type ByteSource, type Patch, type Stripped } from "./byte_source";
import { ascii, latin1, u32be, u64be, u8 } from "./bytes";

/** Boxes that hold others. */
const CONTAINERS = new Set(["moov", "trak", "mdia", "minf", "dinf", "stbl", "edts", "mvex", "moof", "traf", "mfra"]);
/** Boxes that say who, where, when and with what it was made. `uuid` carries XMP and makers' own data. */
const METADATA = new Set(["udta", "meta", "uuid", "ilst", "keys", "Xtra", "cprt", "loci", "gps ", "prfl", "tags", "pnot"]);
const DATED = new Set(["mvhd", "tkhd", "mdhd"]);
const BOXES_MAX = 20_000;
const MOOV_BYTES_MAX = 64 * 1024 * 1024;

interface Walk {
  left: number;
  /** A track of timed metadata (an action camera's positions, say): its samples lie among the film's and stay. */
  hasMetadataTrack: boolean;
}

interface Box {
  readonly type: string;
  readonly at: number;
  readonly body: number;
  readonly end: number;
}

/**
 * An MP4, MOV or M4A whose metadata boxes are overwritten by `free` boxes of zeros of the same length and whose dates are zero.
 * Nothing moves, so every offset in the file (stco, co64, sidx, tfra, trun) stays right, wherever `moov` stands: no table is rewritten.
 * The film itself is never read. Undefined if the boxes are broken.
 */
export async function stripMp4(source: ByteSource): Promise<Stripped | undefined> {
  const patches: Patch[] = [];
  const walk: Walk = { left: BOXES_MAX, hasMetadataTrack: false };
  let count = 0;
  for (let at = 0; at < source.size; ) {
    if (++count > BOXES_MAX) return undefined;
    const box = readBox(await source.read(at, at + 16), at, source.size);
    if (!box) return undefined;
    if (METADATA.has(box.type)) {
      if (box.end - box.at > MOOV_BYTES_MAX) return undefined;
      patches.push(...blankBox(box));
    } else if (box.type === "moov" || box.type === "moof") {
      if (box.end - box.at > MOOV_BYTES_MAX) return undefined;
      const bytes = await source.read(box.at, box.end);
      if (bytes.length !== box.end - box.at || !collect(bytes, box.at, box.body - box.at, bytes.length, patches, walk)) return undefined;
    }
    at = box.end;
  }
  return { pieces: patchPieces(source.size, patches), complete: !walk.hasMetadataTrack };
}

function readBox(head: Uint8Array, at: number, end: number): Box | undefined {
  if (head.length < 8) return undefined;
  const type = latin1(head, 4, 8);
  let size = u32be(head, 0);
  let header = 8;
  if (size === 1) {
    size = u64be(head, 8);
    header = 16;
  } else if (size === 0) size = end - at;
  if (size < header || at + size > end) return undefined;
  return { type, at, body: at + header, end: at + size };
}

/** Walks the boxes in bytes[from, to); `base` is the place of bytes[0] in the file. False if they are broken. */
function collect(bytes: Uint8Array, base: number, from: number, to: number, patches: Patch[], walk: Walk): boolean {
  let at = from;
  while (at + 8 <= to) {
    if (--walk.left < 0) return false;
    const box = readBox(bytes.subarray(at, at + 16), at, to);
    // QuickTime ends some lists by a zero word.
    if (!box) return u32be(bytes, at) === 0;
    const placed: Box = { type: box.type, at: base + box.at, body: base + box.body, end: base + box.end };
    if (METADATA.has(box.type)) patches.push(...blankBox(placed));
    else if (DATED.has(box.type)) patches.push(blankDates(bytes, box, base));
    else if (box.type === "hdlr") {
      walk.hasMetadataTrack ||= latin1(bytes, box.body + 8, box.body + 12) === "meta";
      patches.push(...blankHandlerName(bytes, box, base));
    } else if (CONTAINERS.has(box.type) && !collect(bytes, base, box.body, box.end, patches, walk)) return false;
    at = box.end;
  }
  return true;
}

/** Type "free", content zeros; the size field stays. */
function blankBox(box: Box): Patch[] {
  const zeros = new Uint8Array(box.end - box.body);
  return [
    { at: box.at + 4, bytes: ascii("free") },
    { at: box.body, bytes: zeros },
  ];
}

/** Creation and modification time: two numbers of 32 bits in version 0, of 64 in version 1. */
function blankDates(bytes: Uint8Array, box: Box, base: number): Patch {
  const length = u8(bytes, box.body) === 1 ? 16 : 8;
  return { at: base + box.body + 4, bytes: new Uint8Array(Math.max(0, Math.min(length, box.end - box.body - 4))) };
}

/** The name stands after version, type, subtype and three reserved words. */
function blankHandlerName(bytes: Uint8Array, box: Box, base: number): Patch[] {
  const start = box.body + 24;
  // QuickTime's manufacturer words, in front of the name, stay: some players look at them.
  return start < box.end && bytes.length >= box.end ? [{ at: base + start, bytes: new Uint8Array(box.end - start) }] : [];
}
