import { openDB, type DBSchema, type IDBPDatabase } from "idb";

interface Entry {
  readonly key: string;
  readonly size: number;
  readonly usedAt: number;
}

interface Schema extends DBSchema {
  /** Kept apart from the bytes, so that finding what to drop reads no files. */
  entries: { key: string; value: Entry; indexes: { usedAt: number } };
  files: { key: string; value: Blob };
}

/**
 * Files kept for reading offline, as the server has them: encrypted ones stay encrypted on disk, their keys are with the messages.
 * The least recently used go first when `bytesMax` is passed. One database an account, so that its removal removes all.
 */
export class MediaStore {
  readonly #database: Promise<IDBPDatabase<Schema>>;
  readonly #bytesMax: number;
  readonly #itemBytesMax: number;
  readonly #now: () => number;

  constructor(name: string, bytesMax: number, itemBytesMax: number, now: () => number = Date.now) {
    this.#bytesMax = bytesMax;
    this.#itemBytesMax = itemBytesMax;
    this.#now = now;
    this.#database = openDB<Schema>(name, 1, {
      upgrade(database) {
        database.createObjectStore("entries", { keyPath: "key" }).createIndex("usedAt", "usedAt");
        database.createObjectStore("files");
      },
    });
    // Private windows of some browsers have no database; everything then works without a copy.
    this.#database.catch(() => undefined);
  }

  async load(key: string): Promise<Blob | undefined> {
    try {
      const transaction = (await this.#database).transaction(["entries", "files"], "readwrite");
      const entry = await transaction.objectStore("entries").get(key);
      const file = entry ? await transaction.objectStore("files").get(key) : undefined;
      if (entry && file) await transaction.objectStore("entries").put({ ...entry, usedAt: this.#now() });
      await transaction.done;
      return file;
    } catch {
      return undefined;
    }
  }

  /** Keeps a copy if there is room; a full or missing disk is no failure, the file is only not there offline. */
  async store(key: string, file: Blob): Promise<void> {
    if (file.size > this.#itemBytesMax) return;
    try {
      const transaction = (await this.#database).transaction(["entries", "files"], "readwrite");
      await transaction.objectStore("entries").put({ key, size: file.size, usedAt: this.#now() });
      await transaction.objectStore("files").put(file, key);
      await transaction.done;
      await this.#trim();
    } catch {
      return;
    }
  }

  async remove(key: string): Promise<void> {
    try {
      const transaction = (await this.#database).transaction(["entries", "files"], "readwrite");
      await transaction.objectStore("entries").delete(key);
      await transaction.objectStore("files").delete(key);
      await transaction.done;
    } catch {
      return;
    }
  }

  async usage(): Promise<{ readonly bytes: number; readonly files: number }> {
    try {
      const entries = await (await this.#database).getAll("entries");
      return { bytes: entries.reduce((sum, entry) => sum + entry.size, 0), files: entries.length };
    } catch {
      return { bytes: 0, files: 0 };
    }
  }

  async clear(): Promise<void> {
    const database = await this.#database.catch(() => undefined);
    if (!database) return;
    const transaction = database.transaction(["entries", "files"], "readwrite");
    await transaction.objectStore("entries").clear();
    await transaction.objectStore("files").clear();
    await transaction.done;
  }

  async close(): Promise<void> {
    (await this.#database.catch(() => undefined))?.close();
  }

  async #trim(): Promise<void> {
    let { bytes } = await this.usage();
    if (bytes <= this.#bytesMax) return;
    const transaction = (await this.#database).transaction(["entries", "files"], "readwrite");
    let cursor = await transaction.objectStore("entries").index("usedAt").openCursor();
    while (cursor && bytes > this.#bytesMax) {
      bytes -= cursor.value.size;
      await transaction.objectStore("files").delete(cursor.value.key);
      await cursor.delete();
      cursor = await cursor.continue();
    }
    await transaction.done;
  }
}
