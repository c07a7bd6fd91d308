import { sha256 } from "@noble/hashes/sha2.js";

/** Up to this the browser hashes at once; beyond it in pieces, since its digest takes only whole buffers. */
const WHOLE_BYTES_MAX = 64 * 1024 * 1024;
const PIECE_BYTES = 4 * 1024 * 1024;

/** SHA-256 of a file, lower-case hexadecimal. */
export async function hashFile(file: Blob): Promise<string> {
  const digest = file.size <= WHOLE_BYTES_MAX ? new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer())) : await hashInPieces(file);
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function hashInPieces(file: Blob): Promise<Uint8Array> {
  const hash = sha256.create();
  for (let at = 0; at < file.size; at += PIECE_BYTES) hash.update(new Uint8Array(await file.slice(at, at + PIECE_BYTES).arrayBuffer()));
  return hash.digest();
}
