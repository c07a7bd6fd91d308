import type { EventRecord, HistoryEntry } from "@/domain/event_record";
import { relationOf } from "@/domain/event_record";
import type { EngineDatabase, HistoryRow, Vault } from "@/platform/engine_database";

const WRITE_DELAY_MS = 30;

interface Change {
  readonly roomId: string;
  readonly order: number;
  /** null deletes. */
  readonly entry: HistoryEntry | null;
}

/** Every room's history on this device, encrypted at rest. Reads see what is still being written. */
export class Archive {
  readonly #database: EngineDatabase;
  readonly #vault: Vault;
  readonly #pending = new Map<string, Change>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: Promise<void> | null = null;
  #closed = false;

  constructor(database: EngineDatabase, vault: Vault) {
    this.#database = database;
    this.#vault = vault;
  }

  put(roomId: string, entry: HistoryEntry): void {
    this.#change({ roomId, entry, order: entry.order });
  }

  remove(roomId: string, order: number): void {
    this.#change({ roomId, entry: null, order });
  }

  /** Up to `limit` entries older than `order`, oldest first. */
  async before(roomId: string, order: number, limit: number): Promise<HistoryEntry[]> {
    await this.flush();
    if (this.#closed) return [];
    const range = IDBKeyRange.bound([roomId, -Infinity], [roomId, order], false, true);
    const rows: HistoryRow[] = [];
    let cursor = await this.#database.transaction("history").store.openCursor(range, "prev");
    while (cursor && rows.length < limit) {
      rows.push(cursor.value);
      cursor = await cursor.continue();
    }
    return this.#open(rows.reverse());
  }

  /** Up to `limit` entries from `order` on, oldest first. */
  async from(roomId: string, order: number, limit: number): Promise<HistoryEntry[]> {
    await this.flush();
    if (this.#closed) return [];
    const range = IDBKeyRange.bound([roomId, order], [roomId, Infinity]);
    return this.#open(await this.#database.getAll("history", range, limit));
  }

  /** Places and IDs of the newest entries, newest first, without decrypting them. */
  async recent(roomId: string, limit: number): Promise<readonly { readonly order: number; readonly eventId?: string }[]> {
    await this.flush();
    if (this.#closed) return [];
    const range = IDBKeyRange.bound([roomId, -Infinity], [roomId, Infinity]);
    const found: { order: number; eventId?: string }[] = [];
    let cursor = await this.#database.transaction("history").store.openCursor(range, "prev");
    while (cursor && found.length < limit) {
      const { order, eventId } = cursor.value;
      found.push(eventId === undefined ? { order } : { order, eventId });
      cursor = await cursor.continue();
    }
    return found;
  }

  async find(roomId: string, eventId: string): Promise<(HistoryEntry & { kind: "event" }) | undefined> {
    await this.flush();
    if (this.#closed) return undefined;
    const row = await this.#database.getFromIndex("history", "by_event", [roomId, eventId]);
    const [entry] = row ? await this.#open([row]) : [];
    return entry?.kind === "event" ? entry : undefined;
  }

  /** Edits, reactions and answers of an event, oldest first. */
  async related(roomId: string, eventId: string): Promise<HistoryEntry[]> {
    await this.flush();
    if (this.#closed) return [];
    const rows = await this.#database.getAllFromIndex("history", "by_relation", [roomId, eventId]);
    return this.#open(rows.sort((a, b) => a.order - b.order));
  }

  /** All rooms that have a history here. */
  async rooms(): Promise<readonly string[]> {
    await this.flush();
    const rooms: string[] = [];
    let cursor = this.#closed ? null : await this.#database.transaction("history").store.openKeyCursor();
    while (cursor) {
      const [roomId] = cursor.key;
      rooms.push(roomId);
      // Past all of this room's places.
      cursor = await cursor.continue([roomId, Infinity]);
    }
    return [...new Set(rooms)];
  }

  async forget(roomId: string): Promise<void> {
    await this.flush();
    await this.#database.delete("history", IDBKeyRange.bound([roomId, -Infinity], [roomId, Infinity]));
  }

  /** The place of an event, without decrypting it. */
  async orderOf(roomId: string, eventId: string): Promise<number | undefined> {
    await this.flush();
    if (this.#closed) return undefined;
    return (await this.#database.getKeyFromIndex("history", "by_event", [roomId, eventId]))?.[1];
  }

  /** Writes what waits to be written. */
  async flush(): Promise<void> {
    while (this.#pending.size > 0 || this.#writing) {
      this.#writing ??= this.#write();
      await this.#writing;
    }
  }

  /** Writes the last of it; what is asked for later is not there. */
  async close(): Promise<void> {
    await this.flush();
    this.#closed = true;
  }

  #change(change: Change): void {
    if (this.#closed) return;
    this.#pending.set(`${change.roomId} ${change.order}`, change);
    this.#timer ??= setTimeout(() => void this.flush().catch(() => undefined), WRITE_DELAY_MS);
  }

  async #write(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batch = [...this.#pending.values()];
    this.#pending.clear();
    try {
      const rows = await Promise.all(batch.map(({ roomId, entry }) => (entry ? this.#seal(roomId, entry) : null)));
      const transaction = this.#database.transaction("history", "readwrite");
      const requests = rows.map((row, index) => {
        const { roomId, order } = batch[index]!;
        return row ? transaction.store.put(row) : transaction.store.delete([roomId, order]);
      });
      await Promise.all([...requests, transaction.done]);
    } finally {
      this.#writing = null;
    }
  }

  async #seal(roomId: string, entry: HistoryEntry): Promise<HistoryRow> {
    if (entry.kind === "gap") return { roomId, order: entry.order, gap: entry.token };
    const { record } = entry;
    const relation = relationOf(record);
    const row = { roomId, order: entry.order, eventId: record.eventId, sealed: await this.#vault.seal(record) };
    return relation && relation.type !== "reply" ? { ...row, relatesTo: relation.eventId } : row;
  }

  async #open(rows: readonly HistoryRow[]): Promise<HistoryEntry[]> {
    const entries = await Promise.all(rows.map((row) => this.#openRow(row)));
    return entries.filter((entry) => entry !== undefined);
  }

  async #openRow(row: HistoryRow): Promise<HistoryEntry | undefined> {
    if (row.gap !== undefined) return { kind: "gap", order: row.order, token: row.gap };
    const record = row.sealed ? await this.#vault.unseal(row.sealed) : undefined;
    return record === undefined ? undefined : { kind: "event", order: row.order, record: record as EventRecord };
  }
}
