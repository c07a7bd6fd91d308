import type { MediaSource } from "@/domain/message";
import { HASHED_BYTES_MAX, MEMORY_CACHE_BYTES_MAX } from "@/domain/media/limits";
import { isLocalUri } from "@/domain/media/local_uri";
import type { DecryptedListener, OpenMedia, OpenOptions } from "@/domain/media/ports";
import { decryptAttachment } from "@/platform/media_crypto";
import { downloadMedia } from "@/platform/media_download";
import { MediaFailure } from "@/platform/media_failure";
import type { MediaStore } from "@/platform/media_store";
import type { MediaServer } from "@/platform/media_upload";
import { MediaUrls } from "@/platform/media_urls";
import { admitToPage } from "./media_check";
import { hashContent } from "./media_fingerprint";
import { findLocalFile } from "./media_local";

/** Downloads at the same time: more would only compete with sync and with each other. */
const DOWNLOADS_MAX = 6;
/** A server may federate files larger than it takes itself; beyond this no browser keeps up. */
const DOWNLOAD_BYTES_MAX = 4 * 1024 * 1024 * 1024;

interface Flight {
  readonly promise: Promise<Blob>;
  readonly abort: AbortController;
  readonly listeners: Set<(done: number, total: number) => void>;
  waiting: number;
}

/** Fetches, checks, decrypts and keeps files. The same file asked for twice is fetched once; it is given up when the last one who asked has left. */
export class MediaTransfer {
  readonly #server: MediaServer;
  readonly #store: MediaStore;
  readonly #decrypted: DecryptedListener | undefined;
  readonly #urls = new MediaUrls(MEMORY_CACHE_BYTES_MAX);
  readonly #flights = new Map<string, Flight>();
  readonly #queue: (() => void)[] = [];
  #running = 0;

  constructor(server: MediaServer, store: MediaStore, decrypted?: DecryptedListener) {
    this.#server = server;
    this.#decrypted = decrypted;
    this.#store = store;
  }

  async open(source: MediaSource, options: OpenOptions, thumbnailSide?: number): Promise<OpenMedia> {
    const key = cacheKey(source, thumbnailSide);
    const memoryKey = `${key}#${source.key?.k ?? ""}`;
    const known = options.once ? undefined : this.#urls.take(memoryKey);
    if (known) return { ...known, mimeType: known.blob.type };
    const admitted = await admitToPage(await this.fetch(source, options, thumbnailSide));
    if (options.signal?.aborted) throw new MediaFailure("media_cancelled");
    if (options.once) return openOnce(admitted.blob, admitted.mimeType);
    this.#urls.put(memoryKey, admitted.blob);
    const taken = this.#urls.take(memoryKey);
    if (!taken) throw new MediaFailure("media_broken");
    return { ...taken, mimeType: taken.blob.type };
  }

  /** The plain file, its hash checked, its type unknown. */
  async fetch(source: MediaSource, options: OpenOptions, thumbnailSide?: number): Promise<Blob> {
    if (isLocalUri(source.mxc)) {
      const local = findLocalFile(source.mxc);
      if (local) return local;
      throw new MediaFailure("media_gone");
    }
    const key = cacheKey(source, thumbnailSide);
    // A flight gives plain bytes, so it is shared only by those who have the key; and a once-only file must not end up on the disk.
    const name = `${key}#${source.key?.k ?? ""}#${options.once === true}`;
    let flight = this.#flights.get(name);
    if (!flight || flight.abort.signal.aborted) {
      flight = this.#start(name, key, source, options.once === true, thumbnailSide);
      this.#flights.set(name, flight);
    }
    return this.#join(flight, options);
  }

  close(): void {
    for (const flight of this.#flights.values()) flight.abort.abort();
    this.#urls.clear();
  }

  #start(name: string, key: string, source: MediaSource, once: boolean, thumbnailSide: number | undefined): Flight {
    const abort = new AbortController();
    const listeners = new Set<(done: number, total: number) => void>();
    const promise = this.#load(key, source, once, thumbnailSide, abort.signal, (done, total) => {
      for (const listener of listeners) listener(done, total);
    }).finally(() => {
      if (this.#flights.get(name)?.abort === abort) this.#flights.delete(name);
    });
    // Whoever asked may have left before it failed.
    promise.catch(() => undefined);
    return { promise, abort, listeners, waiting: 0 };
  }

  async #join(flight: Flight, { signal, onProgress }: OpenOptions): Promise<Blob> {
    flight.waiting++;
    if (onProgress) flight.listeners.add(onProgress);
    let leave: (() => void) | undefined;
    const left = new Promise<never>((_, reject) => {
      leave = () => reject(new MediaFailure("media_cancelled"));
      if (signal?.aborted) leave();
      signal?.addEventListener("abort", leave);
    });
    try {
      return await Promise.race([flight.promise, left]);
    } finally {
      if (leave) signal?.removeEventListener("abort", leave);
      if (onProgress) flight.listeners.delete(onProgress);
      if (--flight.waiting === 0) flight.abort.abort();
    }
  }

  async #load(key: string, source: MediaSource, once: boolean, thumbnailSide: number | undefined, signal: AbortSignal, onProgress: (done: number, total: number) => void): Promise<Blob> {
    // On disk a file is as the server has it, so a copy found there is checked and decrypted like a fresh one.
    const stored = once ? undefined : await this.#store.load(key);
    const data = stored ?? (await this.#download(source, thumbnailSide, signal, onProgress));
    try {
      const plain = source.key ? await decryptAttachment(data, source.key, signal) : data;
      if (!stored && !once) void this.#store.store(key, data);
      // A thumbnail made by the server is not the file.
      if (thumbnailSide === undefined) this.#tell(source.mxc, plain);
      return plain;
    } catch (error) {
      if (!stored || signal.aborted) throw error;
      // The copy was damaged on disk.
      await this.#store.remove(key);
      return this.#load(key, source, once, thumbnailSide, signal, onProgress);
    }
  }

  #tell(mxc: string, plain: Blob): void {
    if (plain.size > HASHED_BYTES_MAX || !this.#decrypted?.wants(mxc)) return;
    hashContent(plain).then((sha256) => this.#decrypted?.found(mxc, sha256), () => undefined);
  }

  async #download(source: MediaSource, thumbnailSide: number | undefined, signal: AbortSignal, onProgress: (done: number, total: number) => void): Promise<Blob> {
    await this.#enter();
    try {
      if (signal.aborted) throw new MediaFailure("media_cancelled");
      return await downloadMedia(this.#server, source.mxc, { signal, onProgress, bytesMax: DOWNLOAD_BYTES_MAX, ...(thumbnailSide === undefined ? {} : { thumbnailSide }) });
    } finally {
      this.#running--;
      this.#queue.shift()?.();
    }
  }

  async #enter(): Promise<void> {
    if (this.#running >= DOWNLOADS_MAX) await new Promise<void>((resolve) => this.#queue.push(resolve));
    this.#running++;
  }
}

function cacheKey(source: MediaSource, thumbnailSide: number | undefined): string {
  // The same upload under another key is another file: nobody may see one under the other's name.
  // (The hash names the ciphertext; the key itself must not lie on the disk.)
  return `${source.mxc}#${source.key?.sha256 ?? ""}#${thumbnailSide ?? ""}`;
}

function openOnce(blob: Blob, mimeType: string): OpenMedia {
  const url = URL.createObjectURL(blob);
  return { url, blob, mimeType, release: () => URL.revokeObjectURL(url) };
}
