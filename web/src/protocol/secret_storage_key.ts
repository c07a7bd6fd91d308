import type { CryptoCallbacks } from "matrix-js-sdk/lib/crypto-api";

/** The key of the secret storage while it is needed; it is in memory only. */
export class SecretStorageKey {
  #key: Uint8Array<ArrayBuffer> | undefined;
  readonly callbacks: CryptoCallbacks;

  constructor() {
    this.callbacks = {
      getSecretStorageKey: async ({ keys }) => {
        const keyId = Object.keys(keys)[0];
        return this.#key && keyId !== undefined ? [keyId, this.#key] : null;
      },
      cacheSecretStorageKey: (_keyId, _info, key) => {
        this.#key = key as Uint8Array<ArrayBuffer>;
      },
    };
  }

  set(key: Uint8Array): void {
    this.#key = key as Uint8Array<ArrayBuffer>;
  }

  forget(): void {
    this.#key = undefined;
  }
}
