import { sha256 } from "@noble/hashes/sha2.js";
import { MediaFailure } from "./media_failure";

/** What a receiver needs: AES-256 key and counter block, and the hash of the ciphertext; unpadded base64 (k: URL-safe). */
export interface AttachmentKey {
  readonly k: string;
  readonly iv: string;
  readonly sha256: string;
}

/** A multiple of 16, so that the counter of each slice is a whole number of blocks. */
const SLICE_BYTES = 4 * 1024 * 1024;
/** Up to here a file is worked on as a whole, with WebCrypto's hash. */
const WHOLE_BYTES_MAX = 32 * 1024 * 1024;

export type OnProgress = (done: number, total: number) => void;

/** Encrypts by the rules for attachments (v2: AES-CTR, 64-bit counter from 0, SHA-256 of the ciphertext). Large files are never in memory as a whole. */
export async function encryptAttachment(file: Blob, onProgress?: OnProgress, signal?: AbortSignal): Promise<{ readonly data: Blob; readonly key: AttachmentKey }> {
  const rawKey = crypto.getRandomValues(new Uint8Array(32));
  const iv = new Uint8Array(16);
  crypto.getRandomValues(iv.subarray(0, 8));
  const key = await crypto.subtle.importKey("raw", rawKey, "AES-CTR", false, ["encrypt"]);
  const hash = sha256.create();
  const parts: Blob[] = [];
  let whole: Uint8Array<ArrayBuffer> | undefined;
  for (let at = 0; at < file.size; at += SLICE_BYTES) {
    signal?.throwIfAborted();
    const plain = await file.slice(at, at + SLICE_BYTES).arrayBuffer();
    const cipher = new Uint8Array(await crypto.subtle.encrypt(counterAt(iv, at), key, plain));
    if (file.size <= SLICE_BYTES) whole = cipher;
    else hash.update(cipher);
    // A Blob of its own for each slice: browsers move those to disk.
    parts.push(new Blob([cipher]));
    onProgress?.(Math.min(file.size, at + SLICE_BYTES), file.size);
  }
  const digest = whole ? new Uint8Array(await crypto.subtle.digest("SHA-256", whole)) : hash.digest();
  return {
    data: new Blob(parts, { type: "application/octet-stream" }),
    key: { k: toBase64(rawKey, true), iv: toBase64(iv), sha256: toBase64(digest) },
  };
}

/** Checks the hash over all of it first, then decrypts. Fails with `media_tampered` if it is not what the sender sent. */
export async function decryptAttachment(data: Blob, key: AttachmentKey, signal?: AbortSignal): Promise<Blob> {
  const rawKey = fromBase64(key.k, 32);
  const iv = fromBase64(key.iv, 16);
  const expected = fromBase64(key.sha256, 32);
  const digest = await hashBlob(data, signal);
  if (!digest.every((byte, index) => byte === expected[index])) throw new MediaFailure("media_tampered");
  const aes = await crypto.subtle.importKey("raw", rawKey, "AES-CTR", false, ["decrypt"]);
  const parts: Blob[] = [];
  for (let at = 0; at < data.size; at += SLICE_BYTES) {
    signal?.throwIfAborted();
    const cipher = await data.slice(at, at + SLICE_BYTES).arrayBuffer();
    parts.push(new Blob([await crypto.subtle.decrypt(counterAt(iv, at), aes, cipher)]));
  }
  return new Blob(parts);
}

export async function hashBlob(data: Blob, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  if (data.size <= WHOLE_BYTES_MAX) return new Uint8Array(await crypto.subtle.digest("SHA-256", await data.arrayBuffer()));
  const hash = sha256.create();
  for (let at = 0; at < data.size; at += SLICE_BYTES) {
    signal?.throwIfAborted();
    hash.update(new Uint8Array(await data.slice(at, at + SLICE_BYTES).arrayBuffer()));
  }
  return hash.digest();
}

/** Only the lower 64 bits count; other clients may start them anywhere, so the sum wraps. */
function counterAt(iv: Uint8Array, offset: number): AesCtrParams {
  const counter = new Uint8Array(iv);
  const view = new DataView(counter.buffer);
  view.setBigUint64(8, BigInt.asUintN(64, view.getBigUint64(8) + BigInt(offset / 16)));
  return { name: "AES-CTR", counter, length: 64 };
}

function toBase64(bytes: Uint8Array, urlSafe = false): string {
  const text = btoa(String.fromCharCode(...bytes)).replace(/=+$/, "");
  return urlSafe ? text.replaceAll("+", "-").replaceAll("/", "_") : text;
}

/** Either alphabet, padded or not: clients differ. */
function fromBase64(text: string, length: number): Uint8Array<ArrayBuffer> {
  try {
    const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/").replace(/=+$/, "")), (char) => char.charCodeAt(0));
    if (bytes.length === length) return bytes;
  } catch {
    // Falls through: not base64 is as broken as the wrong length.
  }
  throw new MediaFailure("media_broken");
}
