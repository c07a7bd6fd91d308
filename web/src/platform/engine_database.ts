import { type DBSchema, type IDBPDatabase, openDB } from "idb";

/** A row of a room's history. `data` is encrypted; what stands beside it is what has to be found by. */
export interface HistoryRow {
  readonly roomId: string;
  readonly order: number;
  /** Of the event; absent for a gap. */
  readonly eventId?: string;
  /** The event that this one edits, reacts to or answers. */
  readonly relatesTo?: string;
  /** Pagination token of a gap. */
  readonly gap?: string;
  readonly sealed?: Sealed;
}

export interface Sealed {
  readonly iv: Uint8Array<ArrayBuffer>;
  readonly data: ArrayBuffer;
}

export interface QueueRow {
  readonly id: string;
  readonly roomId: string;
  readonly position: number;
  readonly sealed: Sealed;
  /** A file that waits to be uploaded. */
  readonly file?: Blob;
}

interface Schema extends DBSchema {
  history: { key: [string, number]; value: HistoryRow; indexes: { by_event: [string, string]; by_relation: [string, string] } };
  queue: { key: string; value: QueueRow };
  values: { key: string; value: unknown };
}

export type EngineDatabase = IDBPDatabase<Schema>;

const VERSION = 1;

export function engineDatabaseName(userId: string): string {
  return `zajil-engine:${userId}`;
}

/** What an account's engine remembers on this device: its archive, its queue, and single values. */
export function openEngineDatabase(name: string): Promise<EngineDatabase> {
  return openDB<Schema>(name, VERSION, {
    upgrade(database) {
      const history = database.createObjectStore("history", { keyPath: ["roomId", "order"] });
      history.createIndex("by_event", ["roomId", "eventId"]);
      history.createIndex("by_relation", ["roomId", "relatesTo"]);
      database.createObjectStore("queue", { keyPath: "id" });
      database.createObjectStore("values");
    },
    // Another tab wants a newer version: keeping this one open would block it for ever.
    blocking(_current, _blocked, event) {
      (event.target as IDBDatabase).close();
    },
  });
}

/** Encrypts what is written to the disk with a key that no script can read out. */
export class Vault {
  readonly #key: CryptoKey;

  private constructor(key: CryptoKey) {
    this.#key = key;
  }

  static async open(database: EngineDatabase): Promise<Vault> {
    const stored = await database.get("values", "vault-key");
    if (stored instanceof CryptoKey) return new Vault(stored);
    const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
    await database.put("values", key, "vault-key");
    return new Vault(key);
  }

  async seal(value: unknown): Promise<Sealed> {
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const data = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, this.#key, new TextEncoder().encode(JSON.stringify(value)));
    return { iv, data };
  }

  /** The value, or undefined if it cannot be read: a damaged row must not take the rest with it. */
  async unseal(sealed: Sealed): Promise<unknown> {
    try {
      const data = await crypto.subtle.decrypt({ name: "AES-GCM", iv: sealed.iv }, this.#key, sealed.data);
      return JSON.parse(new TextDecoder().decode(data));
    } catch {
      return undefined;
    }
  }
}
