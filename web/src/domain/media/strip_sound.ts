import { patchPieces, type ByteSource, type Patch, type Piece } from "./byte_source";
import { ascii, latin1, startsWith, u16be, u32le, u8 } from "./bytes";

const BLOCKS_MAX = 4_096;
const BLANK_BYTES_MAX = 64 * 1024 * 1024;

/** An MP3 or AAC without ID3 tags at its start (v2) and end (v1) and without an APE tag. */
export async function stripMp3(source: ByteSource): Promise<Piece[] | undefined> {
  let from = 0;
  for (let count = 0; count < 8; count++) {
    const head = await source.read(from, from + 10);
    if (!startsWith(head, "ID3")) break;
    // Four bytes of seven bits each.
    const size = (u8(head, 6) << 21) | (u8(head, 7) << 14) | (u8(head, 8) << 7) | u8(head, 9);
    from += 10 + size + (u8(head, 5) & 0x10 ? 10 : 0);
  }
  let to = source.size;
  if (startsWith(await source.read(to - 128, to), "TAG")) to -= 128;
  const footer = await source.read(Math.max(0, to - 32), to);
  if (startsWith(footer, "APETAGEX")) to -= u32le(footer, 12) + (u8(footer, 23) & 0x80 ? 32 : 0);
  return from < to ? [{ from, to }] : undefined;
}

/** FLAC: comments, pictures, cue sheets and applications' blocks become padding of the same length. */
export async function stripFlac(source: ByteSource): Promise<Piece[] | undefined> {
  const patches: Patch[] = [];
  let at = 4;
  for (let count = 0; count < BLOCKS_MAX; count++) {
    const head = await source.read(at, at + 4);
    const length = u8(head, 1) * 0x10000 + u16be(head, 2);
    if (head.length < 4 || at + 4 + length > source.size) return undefined;
    const type = u8(head, 0) & 0x7f;
    if ([2, 4, 5, 6].includes(type)) {
      const padding = new Uint8Array(4 + length);
      padding.set([(u8(head, 0) & 0x80) | 1, u8(head, 1), u8(head, 2), u8(head, 3)]);
      patches.push({ at, bytes: padding });
    }
    at += 4 + length;
    if (u8(head, 0) & 0x80) return patchPieces(source.size, patches);
  }
  return undefined;
}

const WAV_NEEDED = new Set(["fmt ", "data", "fact", "cue ", "smpl", "PEAK", "JUNK", "wavl", "slnt", "ds64"]);

/** WAV: every chunk that is not sound becomes JUNK of zeros, of the same length. */
export async function stripWav(source: ByteSource): Promise<Piece[] | undefined> {
  const patches: Patch[] = [];
  let at = 12;
  for (let count = 0; at + 8 <= source.size; count++) {
    const head = await source.read(at, at + 8);
    const length = u32le(head, 4);
    if (count > BLOCKS_MAX) return undefined;
    if (!WAV_NEEDED.has(latin1(head, 0, 4))) {
      const end = Math.min(at + 8 + length, source.size);
      if (end - at > BLANK_BYTES_MAX) return undefined;
      patches.push({ at, bytes: ascii("JUNK") }, { at: at + 8, bytes: new Uint8Array(end - at - 8) });
    }
    at += 8 + length + (length & 1);
  }
  return patchPieces(source.size, patches);
}
