import { latin1, startsWith, u16be, u16le, u24le, u32be, u8 } from "./bytes";
import { ANIMATION_PIXELS_MAX, PICTURE_PIXELS_MAX, PICTURE_SIDE_MAX } from "./limits";

export interface Dimensions {
  /** Pixels of the upright picture (orientation applied). */
  readonly width: number;
  readonly height: number;
  /** 1 unless it moves. */
  readonly frames: number;
}

/** Size of a picture from its headers, before anything decodes it; undefined if they are broken. */
export function readDimensions(bytes: Uint8Array, mimeType: string): Dimensions | undefined {
  const found = READERS[mimeType]?.(bytes);
  return found && found.width > 0 && found.height > 0 ? found : undefined;
}

/** Why a picture may not be decoded; undefined if it may. */
export function checkDimensions(found: Dimensions | undefined): "broken_picture" | "too_many_pixels" | undefined {
  if (!found) return "broken_picture";
  if (found.width > PICTURE_SIDE_MAX || found.height > PICTURE_SIDE_MAX) return "too_many_pixels";
  const pixels = found.width * found.height;
  return pixels > PICTURE_PIXELS_MAX || pixels * found.frames > ANIMATION_PIXELS_MAX ? "too_many_pixels" : undefined;
}

/** The size that fits into a square of `side` with the same proportions; never larger than it was. */
export function fitInto(width: number, height: number, side: number): { readonly width: number; readonly height: number } {
  const scale = Math.min(1, side / Math.max(width, height, 1));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

const READERS: Readonly<Record<string, (bytes: Uint8Array) => Dimensions | undefined>> = {
  "image/jpeg": readJpeg,
  "image/png": readPng,
  "image/gif": readGif,
  "image/webp": readWebp,
  "image/avif": readAvif,
};

function readJpeg(bytes: Uint8Array): Dimensions | undefined {
  let turned = false;
  for (let at = 2; at + 4 <= bytes.length; ) {
    if (u8(bytes, at) !== 0xff) return undefined;
    const marker = u8(bytes, at + 1);
    if (marker === 0xff) {
      at++;
      continue;
    }
    const isStartOfFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isStartOfFrame) {
      const [height, width] = [u16be(bytes, at + 5), u16be(bytes, at + 7)];
      return turned ? { width: height, height: width, frames: 1 } : { width, height, frames: 1 };
    }
    if (marker === 0xda || marker === 0xd9) return undefined;
    const length = u16be(bytes, at + 2);
    if (length < 2) return undefined;
    if (marker === 0xe1) turned ||= readOrientation(bytes.subarray(at + 4, at + 2 + length)) >= 5;
    at += 2 + length;
  }
  return undefined;
}

/** Orientation 1..8 of an EXIF segment ("Exif\0\0" and a TIFF header); 1 if it has none. */
export function readOrientation(segment: Uint8Array): number {
  if (!startsWith(segment, "Exif\0\0")) return 1;
  const tiff = segment.subarray(6);
  const little = startsWith(tiff, "II");
  const short = (at: number): number => (little ? u16le(tiff, at) : u16be(tiff, at));
  const long = (at: number): number => (little ? u16le(tiff, at) + u16le(tiff, at + 2) * 0x10000 : u32be(tiff, at));
  const start = long(4);
  const count = Math.min(short(start), 256);
  for (let index = 0; index < count; index++) {
    const entry = start + 2 + index * 12;
    if (short(entry) !== 0x0112) continue;
    const value = short(entry + 8);
    return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

function readPng(bytes: Uint8Array): Dimensions | undefined {
  if (!startsWith(bytes, "IHDR", 12)) return undefined;
  let frames = 1;
  // acTL (APNG) stands before the first IDAT.
  for (let at = 8; at + 12 <= bytes.length; at += 12 + u32be(bytes, at)) {
    if (startsWith(bytes, "IDAT", at + 4)) break;
    if (startsWith(bytes, "acTL", at + 4)) frames = Math.max(1, u32be(bytes, at + 8));
  }
  return { width: u32be(bytes, 16), height: u32be(bytes, 20), frames };
}

function readGif(bytes: Uint8Array): Dimensions | undefined {
  const frames = Math.max(1, countGifFrames(bytes));
  return { width: u16le(bytes, 6), height: u16le(bytes, 8), frames };
}

function countGifFrames(bytes: Uint8Array): number {
  let frames = 0;
  const table = (packed: number): number => (packed & 0x80 ? 3 << ((packed & 7) + 1) : 0);
  for (let at = 13 + table(u8(bytes, 10)); at < bytes.length; ) {
    const block = u8(bytes, at);
    if (block === 0x2c) {
      frames++;
      at = skipSubBlocks(bytes, at + 10 + table(u8(bytes, at + 9)) + 1);
    } else if (block === 0x21) at = skipSubBlocks(bytes, at + 2);
    else break;
  }
  return frames;
}

/** Position after a GIF's sub-blocks. */
export function skipSubBlocks(bytes: Uint8Array, start: number): number {
  let at = start;
  while (at < bytes.length && u8(bytes, at) !== 0) at += u8(bytes, at) + 1;
  return at + 1;
}

function readWebp(bytes: Uint8Array): Dimensions | undefined {
  if (startsWith(bytes, "VP8X", 12)) {
    let frames = 0;
    for (let at = 12; at + 8 <= bytes.length; ) {
      if (startsWith(bytes, "ANMF", at)) frames++;
      const length = u16le(bytes, at + 4) + u16le(bytes, at + 6) * 0x10000;
      at += 8 + length + (length & 1);
    }
    return { width: u24le(bytes, 24) + 1, height: u24le(bytes, 27) + 1, frames: Math.max(1, frames) };
  }
  if (startsWith(bytes, "VP8L", 12)) {
    const bits = u16le(bytes, 21) + u16le(bytes, 23) * 0x10000;
    return { width: (bits % 0x4000) + 1, height: (Math.floor(bits / 0x4000) % 0x4000) + 1, frames: 1 };
  }
  if (startsWith(bytes, "VP8 ", 12) && u8(bytes, 23) === 0x9d) {
    return { width: u16le(bytes, 26) & 0x3fff, height: u16le(bytes, 28) & 0x3fff, frames: 1 };
  }
  return undefined;
}

/** The largest `ispe` property: tiles and thumbnails have smaller ones of their own. */
function readAvif(bytes: Uint8Array): Dimensions | undefined {
  const head = latin1(bytes, 0, 16_384);
  let best: Dimensions | undefined;
  for (let at = head.indexOf("ispe"); at >= 0; at = head.indexOf("ispe", at + 4)) {
    const [width, height] = [u32be(bytes, at + 8), u32be(bytes, at + 12)];
    if (!best || width * height > best.width * best.height) best = { width, height, frames: 1 };
  }
  return best;
}
