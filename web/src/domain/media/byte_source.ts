import { concat } from "./bytes";

/** Random access to a file's bytes, so that a film of 4 GB is never in memory as a whole. Offsets and sizes are bytes. */
export interface ByteSource {
  readonly size: number;
  /** Bytes from `from` (included) to `to` (excluded); fewer at the end of the file. */
  read(from: number, to: number): Promise<Uint8Array>;
}

/** A new file as pieces of the old one and new bytes, in order. */
export type Piece = { readonly from: number; readonly to: number } | Uint8Array<ArrayBuffer>;

export interface Stripped {
  readonly pieces: readonly Piece[];
  /** False if metadata that we know of had to stay. */
  readonly complete: boolean;
}

export function bytesSource(bytes: Uint8Array): ByteSource {
  return { size: bytes.length, read: async (from, to) => bytes.subarray(Math.min(from, bytes.length), Math.min(to, bytes.length)) };
}

export function blobSource(blob: Blob): ByteSource {
  return { size: blob.size, read: async (from, to) => new Uint8Array(await blob.slice(from, to).arrayBuffer()) };
}

export function applyPieces(bytes: Uint8Array, pieces: readonly Piece[]): Uint8Array<ArrayBuffer> {
  return concat(pieces.map((piece) => (piece instanceof Uint8Array ? piece : bytes.subarray(piece.from, piece.to))));
}

/** The new file without reading the old one: the browser keeps slices as references. */
export function applyPiecesToBlob(blob: Blob, pieces: readonly Piece[]): Blob {
  return new Blob(pieces.map((piece) => (piece instanceof Uint8Array ? piece : blob.slice(piece.from, piece.to))), { type: blob.type });
}

export interface Patch {
  readonly at: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Pieces of a file of the same size with `patches` written over it. Patches may not overlap. */
export function patchPieces(size: number, patches: readonly Patch[]): Piece[] {
  const sorted = patches.toSorted((a, b) => a.at - b.at);
  const pieces: Piece[] = [];
  let at = 0;
  for (const patch of sorted) {
    if (patch.at < at || patch.at + patch.bytes.length > size) throw new RangeError("overlapping patch");
    if (patch.at > at) pieces.push({ from: at, to: patch.at });
    pieces.push(patch.bytes);
    at = patch.at + patch.bytes.length;
  }
  if (at < size) pieces.push({ from: at, to: size });
  return pieces;
}
