import type { Piece } from "./byte_source";
import { latin1, u32le } from "./bytes";

const NEEDED = new Set(["VP8 ", "VP8L", "VP8X", "ALPH", "ANIM", "ANMF", "ICCP"]);
/** Bits of the VP8X header that announce EXIF (0x08) and XMP (0x04). */
const METADATA_FLAGS = 0x0c;

/** A WebP without EXIF, XMP and unknown chunks; undefined if it is broken. */
export function stripWebp(bytes: Uint8Array): Piece[] | undefined {
  const chunks: Piece[] = [];
  let size = 4;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const type = latin1(bytes, at, at + 4);
    const length = u32le(bytes, at + 4);
    const end = at + 8 + length + (length & 1);
    if (at + 8 + length > bytes.length) return undefined;
    if (NEEDED.has(type)) {
      const chunk = new Uint8Array(end - at);
      chunk.set(bytes.subarray(at, Math.min(end, bytes.length)));
      if (type === "VP8X") chunk[8] = (chunk[8] ?? 0) & ~METADATA_FLAGS;
      chunks.push(chunk);
      size += chunk.length;
    }
    at = end;
  }
  if (chunks.length === 0) return undefined;
  const header = new Uint8Array(bytes.subarray(0, 12));
  new DataView(header.buffer).setUint32(4, size, true);
  return [header, ...chunks];
}
