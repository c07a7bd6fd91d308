import { deleteDB, openDB, type IDBPDatabase } from "idb";

/**
 * What one account keeps in this browser, in an IndexedDB of its own: deleting the database deletes everything.
 * Values are whatever the caller stores (structured clone); keys are given apart from values.
 */
export type StoreName =
  /** Tokens and device, one record a name. */
  | "session"
  /** The last chat list, so that a start shows it at once. */
  | "chat_list"
  /** What has been seen of each room's history; key [roomId, order]. */
  | "messages"
  /** What waits to be sent; key is its order. */
  | "queue"
  | "settings"
  /** What the forward guard remembers of texts. */
  | "tags"
  /** The local search index. */
  | "search";

export type Key = string | number | readonly (string | number)[];

/** Each step brings the database from its index to the next version. Steps are only ever added: old databases come through all. */
const UPGRADES: readonly ((database: IDBPDatabase) => void)[] = [
  (database) => {
    for (const store of ["session", "chat_list", "messages", "queue", "settings", "tags", "search"] satisfies StoreName[]) database.createObjectStore(store);
  },
];

/** A range of keys, both ends included where given. */
export interface Range {
  readonly from?: Key;
  readonly to?: Key;
}

function buildRange({ from, to }: Range): IDBKeyRange | undefined {
  if (from !== undefined && to !== undefined) return IDBKeyRange.bound(from, to);
  if (from !== undefined) return IDBKeyRange.lowerBound(from);
  return to === undefined ? undefined : IDBKeyRange.upperBound(to);
}

/** All keys that are lists beginning with `prefix`. */
export function startingWith(prefix: readonly (string | number)[]): Range {
  // Lists sort after all strings and numbers, so an empty list ends the range.
  return { from: [...prefix], to: [...prefix, []] as unknown as Key };
}

export interface Entry<T> {
  readonly key: Key;
  readonly value: T;
}

export class AccountDatabase {
  readonly #database: IDBPDatabase;

  private constructor(database: IDBPDatabase) {
    this.#database = database;
  }

  static nameFor(userId: string): string {
    return `zajil:${userId}`;
  }

  /** Opens it, making or upgrading it first. Closes itself when another tab wants to upgrade or delete it; `onLost` then says so. */
  static async open(userId: string, onLost?: () => void): Promise<AccountDatabase> {
    const database = await openDB(AccountDatabase.nameFor(userId), UPGRADES.length, {
      upgrade(opened, oldVersion) {
        for (const step of UPGRADES.slice(oldVersion)) step(opened);
      },
      blocking(_current, _blocked, event) {
        (event.target as IDBDatabase).close();
        onLost?.();
      },
      terminated: () => onLost?.(),
    });
    return new AccountDatabase(database);
  }

  static async destroy(userId: string): Promise<void> {
    await deleteDB(AccountDatabase.nameFor(userId));
  }

  async get<T>(store: StoreName, key: Key): Promise<T | undefined> {
    return (await this.#database.get(store, key as IDBValidKey)) as T | undefined;
  }

  async put(store: StoreName, key: Key, value: unknown): Promise<void> {
    await this.#database.put(store, value, key as IDBValidKey);
  }

  async delete(store: StoreName, key: Key): Promise<void> {
    await this.#database.delete(store, key as IDBValidKey);
  }

  /** Writes and deletes in one transaction: all of it or nothing is there afterwards. */
  async change(store: StoreName, puts: readonly Entry<unknown>[], deletes: readonly Key[] = []): Promise<void> {
    const transaction = this.#database.transaction(store, "readwrite");
    const work: Promise<unknown>[] = puts.map(({ key, value }) => transaction.store.put(value, key as IDBValidKey));
    work.push(...deletes.map((key) => transaction.store.delete(key as IDBValidKey)), transaction.done);
    await Promise.all(work);
  }

  async deleteRange(store: StoreName, range: Range): Promise<void> {
    const built = buildRange(range);
    if (built === undefined) await this.#database.clear(store);
    else await this.#database.delete(store, built);
  }

  async count(store: StoreName, range: Range = {}): Promise<number> {
    return await this.#database.count(store, buildRange(range));
  }

  /** At most `max` entries of a range, from its beginning (or its end, then last first). */
  async list<T>(store: StoreName, range: Range, max: number, fromEnd = false): Promise<readonly Entry<T>[]> {
    const entries: Entry<T>[] = [];
    await this.walk<T>(store, range, (value, key) => entries.push({ key, value }) < max, fromEnd);
    return entries;
  }

  /** Calls `visit` for each entry of a range in order until it returns false. `visit` must not wait for anything else. */
  async walk<T>(store: StoreName, range: Range, visit: (value: T, key: Key) => boolean, fromEnd = false): Promise<void> {
    let cursor = await this.#database.transaction(store).store.openCursor(buildRange(range), fromEnd ? "prev" : "next");
    while (cursor !== null && visit(cursor.value as T, cursor.key as Key)) cursor = await cursor.continue();
  }

  close(): void {
    this.#database.close();
  }
}
