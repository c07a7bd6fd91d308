import type { Piece } from "./byte_source";
import { startsWith, u8 } from "./bytes";
import { skipSubBlocks } from "./dimensions";

/** A GIF without comments, texts, XMP and other applications' blocks; how often it loops is kept. Undefined if it is broken. */
export function stripGif(bytes: Uint8Array): Piece[] | undefined {
  const table = (packed: number): number => (packed & 0x80 ? 3 << ((packed & 7) + 1) : 0);
  let at = 13 + table(u8(bytes, 10));
  const kept: Piece[] = [{ from: 0, to: at }];
  while (at < bytes.length) {
    const block = u8(bytes, at);
    if (block === 0x3b) {
      kept.push({ from: at, to: at + 1 });
      return kept;
    }
    let end: number;
    if (block === 0x2c) end = skipSubBlocks(bytes, at + 10 + table(u8(bytes, at + 9)) + 1);
    else if (block === 0x21) end = skipSubBlocks(bytes, at + 2);
    else return undefined;
    if (end > bytes.length) return undefined;
    if (block === 0x2c || isNeeded(bytes, at)) kept.push({ from: at, to: end });
    at = end;
  }
  // Many GIFs lack their last byte, and browsers show them.
  kept.push(Uint8Array.of(0x3b));
  return kept;
}

function isNeeded(bytes: Uint8Array, at: number): boolean {
  const label = u8(bytes, at + 1);
  if (label === 0xf9) return true;
  return label === 0xff && (startsWith(bytes, "NETSCAPE2.0", at + 3) || startsWith(bytes, "ANIMEXTS1.0", at + 3));
}
