import type { MatrixClient } from "matrix-js-sdk";
import type { Person } from "@/domain/engine";

export interface PersonTrust {
  readonly level: Person["trust"];
  /** The person's keys are not the ones seen before; to be accepted or verified again. */
  readonly identityChanged: boolean;
}

const UNKNOWN: PersonTrust = { level: "unknown", identityChanged: false };
const PEOPLE_MAX = 10_000;

/** Threema's three levels: nobody knows them, a chat with them was accepted, their keys were compared. */
export class TrustLevels {
  readonly #client: MatrixClient;
  readonly #isKnown: (userId: string) => boolean;
  readonly #keys = new Map<string, { readonly verified: boolean; readonly identityChanged: boolean }>();
  readonly #asked = new Set<string>();
  readonly #listeners = new Set<(userId: string) => void>();

  constructor(client: MatrixClient, isKnown: (userId: string) => boolean) {
    this.#client = client;
    this.#isKnown = isKnown;
  }

  listen(listener: (userId: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What is known now; asking for somebody the first time makes it be looked up, and listeners told. */
  of(userId: string): PersonTrust {
    if (!this.#asked.has(userId) && this.#asked.size < PEOPLE_MAX) {
      this.#asked.add(userId);
      void this.refresh(userId);
    }
    const keys = this.#keys.get(userId);
    if (keys?.verified) return { level: "verified", identityChanged: keys.identityChanged };
    const level = this.#isKnown(userId) ? "known" : "unknown";
    return level === "unknown" && !keys?.identityChanged ? UNKNOWN : { level, identityChanged: keys?.identityChanged ?? false };
  }

  async refresh(userId: string): Promise<void> {
    const status = await this.#client.getCrypto()?.getUserVerificationStatus(userId).catch(() => undefined);
    if (!status) {
      this.#asked.delete(userId);
      return;
    }
    const now = { verified: status.isCrossSigningVerified(), identityChanged: status.needsUserApproval || (status.wasCrossSigningVerified() && !status.isCrossSigningVerified()) };
    const before = this.#keys.get(userId);
    this.#keys.set(userId, now);
    if ((before?.verified ?? false) === now.verified && (before?.identityChanged ?? false) === now.identityChanged) return;
    for (const listener of this.#listeners) listener(userId);
  }
}
