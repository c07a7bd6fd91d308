import type { MatrixClient, MatrixEvent } from "matrix-js-sdk";
import type { CryptoBackend } from "matrix-js-sdk/lib/common-crypto/CryptoBackend";
import { undecryptableReason } from "./event_adapter";

/** How long after a message could not be read it is tried again, in milliseconds; after the last, at the next start. The SDK asks the backup for a key every 5 s at most. */
const TRY_AGAIN_MS = [6_000, 12_000, 30_000, 120_000, 600_000] as const;
/** Messages that wait at once: more come when a whole history has no keys, which no waiting helps. */
const WAITING_MAX = 200;
/** Messages of which it is remembered how often they were tried; of the one that was tried longest ago it is forgotten first. */
export const TRIED_MAX = 2_000;

/**
 * Messages whose keys may still come into the backup. A device puts them there some seconds after it got them, and nobody is told: whoever
 * has looked there too early looks again.
 */
export class LateKeys {
  readonly #client: MatrixClient;
  readonly #tries = new Map<string, number>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();

  constructor(client: MatrixClient) {
    this.#client = client;
  }

  /** Hears how it went, each time that an event was to be decrypted. */
  take(event: MatrixEvent): void {
    const eventId = event.getId();
    if (eventId === undefined) return;
    const reason = undecryptableReason(event);
    if (reason !== "not-yet" && reason !== "no-key" && reason !== "not-backed-up") {
      this.#tries.delete(eventId);
      return;
    }
    const tried = this.#tries.get(eventId) ?? 0;
    const waitMs = TRY_AGAIN_MS[tried];
    if (waitMs === undefined || this.#timers.size >= WAITING_MAX) return;
    this.#remember(eventId, tried + 1);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#tryAgain(event);
    }, waitMs);
    this.#timers.add(timer);
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #remember(eventId: string, tried: number): void {
    // A map keeps the order in which its keys were added.
    this.#tries.delete(eventId);
    this.#tries.set(eventId, tried);
    if (this.#tries.size <= TRIED_MAX) return;
    const [oldest] = this.#tries.keys();
    if (oldest !== undefined) this.#tries.delete(oldest);
  }

  #tryAgain(event: MatrixEvent): void {
    const crypto = this.#client.getCrypto();
    if (crypto === undefined || !event.isDecryptionFailure()) return;
    // Not by the client, which tries each event once.
    void event.attemptDecryption(crypto as CryptoBackend, { isRetry: true }).catch(() => undefined);
  }
}
