interface Held {
  readonly url: string;
  readonly blob: Blob;
  users: number;
}

/** Blob URLs by key. One is revoked when nobody uses it and the unused ones together pass the budget, the longest unused first. */
export class MediaUrls {
  /** In order of last use: Map keeps insertion order. */
  readonly #held = new Map<string, Held>();
  readonly #bytesMax: number;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** The URL and the function that gives it back (calling that twice is harmless). */
  take(key: string): { readonly url: string; readonly blob: Blob; release(): void } | undefined {
    const held = this.#held.get(key);
    if (!held) return undefined;
    this.#held.delete(key);
    this.#held.set(key, held);
    held.users++;
    let isHeld = true;
    const release = (): void => {
      if (!isHeld) return;
      isHeld = false;
      held.users--;
      this.#trim();
    };
    return { url: held.url, blob: held.blob, release };
  }

  put(key: string, blob: Blob): void {
    if (this.#held.has(key)) return;
    this.#held.set(key, { url: URL.createObjectURL(blob), blob, users: 0 });
  }

  /** Forgets one that must not stay (view once), even while it is shown. */
  drop(key: string): void {
    const held = this.#held.get(key);
    if (!held) return;
    URL.revokeObjectURL(held.url);
    this.#held.delete(key);
  }

  /** Bytes of all that is held. */
  get bytes(): number {
    let sum = 0;
    for (const held of this.#held.values()) sum += held.blob.size;
    return sum;
  }

  clear(): void {
    for (const key of [...this.#held.keys()]) this.drop(key);
  }

  #trim(): void {
    let bytes = this.bytes;
    for (const [key, held] of this.#held) {
      if (bytes <= this.#bytesMax) return;
      if (held.users > 0) continue;
      bytes -= held.blob.size;
      this.drop(key);
    }
  }
}
