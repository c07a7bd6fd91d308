import type { Piece } from "./byte_source";
import { latin1, u32be } from "./bytes";

/** Chunks that decide how a PNG or APNG looks; every other one (texts, EXIF, times, private ones) goes. */
const NEEDED = new Set([
  "IHDR", "PLTE", "IDAT", "IEND", "tRNS", "gAMA", "cHRM", "sRGB", "iCCP", "cICP", "mDCV", "cLLI", "sBIT", "bKGD", "pHYs", "acTL", "fcTL", "fdAT",
]);

/** A PNG without metadata and without anything behind its end; undefined if it is broken. */
export function stripPng(bytes: Uint8Array): Piece[] | undefined {
  const kept: Piece[] = [{ from: 0, to: 8 }];
  for (let at = 8; at + 12 <= bytes.length; ) {
    const end = at + 12 + u32be(bytes, at);
    if (end > bytes.length) return undefined;
    const type = latin1(bytes, at + 4, at + 8);
    if (NEEDED.has(type)) kept.push({ from: at, to: end });
    if (type === "IEND") return kept;
    at = end;
  }
  return undefined;
}
