import { Direction, type IEvent, type MatrixClient, type MatrixEvent } from "matrix-js-sdk";
import { type EventRecord, type HistoryEntry, hideRecord, redactRecord } from "@/domain/event_record";
import type { Archive } from "./archive";
import { recordEvent, shieldOf } from "./event_adapter";

/** Places left free behind a gap for the events that fill it. */
const GAP_PLACES = 2 ** 32;
const START_ORDER = -(2 ** 52);
const RECENT_MAX = 200;
const EMPTY_PAGES_MAX = 10;
const GAP_PAGE = 100;
const GAP_PAGES_MAX = 20;

export interface HistoryListener {
  put(entries: readonly HistoryEntry[]): void;
  removed(order: number): void;
  /** All of it was deleted on this device. */
  forgotten?(): void;
}

/**
 * One room's history on this device, in the order of the server's timeline: live events go to the end, older ones fill the gaps.
 * Every step waits for the one before, so places are never given twice.
 */
export class RoomHistory {
  readonly roomId: string;
  readonly #client: MatrixClient;
  readonly #archive: Archive;
  readonly #listeners = new Set<HistoryListener>();
  /** The newest events' places; they are what sync may bring a second time. */
  readonly #recent = new Map<string, number>();
  #next = 0;
  #hasAny = false;
  /** Whether the archive has more than the newest events. */
  #mayBeOlder = false;
  #loaded: Promise<void> | undefined;
  #chain: Promise<void> = Promise.resolve();

  constructor(client: MatrixClient, archive: Archive, roomId: string) {
    this.#client = client;
    this.#archive = archive;
    this.roomId = roomId;
  }

  listen(listener: HistoryListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Adds an event of the live timeline. `gapToken` is set on the first one after a hole: where the server can continue backwards.
   * Fulfilled when the event is on the disk.
   */
  async append(event: MatrixEvent, gapToken: string | null): Promise<void> {
    const decrypted = this.#client.decryptEventIfNeeded(event).catch(() => undefined);
    await this.#step(async () => {
      await decrypted;
      const eventId = event.getId();
      if (eventId === undefined) return;
      if (event.isRedaction()) await this.#redact(event);
      const known = await this.#orderOf(eventId);
      if (known !== undefined) return this.#refresh(event, known);
      if (gapToken !== null) this.#openGap(gapToken);
      const order = this.#next++;
      this.#remember(eventId, order);
      this.#put([{ kind: "event", order, record: recordEvent(this.#client, event, await shieldOf(this.#client, event)) }]);
    });
    await this.#archive.flush();
  }

  /** The event is readable now, or was changed. */
  async update(event: MatrixEvent): Promise<void> {
    const shield = await shieldOf(this.#client, event);
    await this.#step(async () => {
      const entry = await this.#archive.find(this.roomId, event.getId() ?? "");
      if (entry && entry.record.redactedBy === undefined) this.#put([{ ...entry, record: recordEvent(this.#client, event, shield) }]);
    });
  }

  async redactLocally(eventId: string, by: string): Promise<void> {
    await this.#step(async () => {
      const entry = await this.#archive.find(this.roomId, eventId);
      if (entry && entry.record.redactedBy === undefined) this.#put([{ ...entry, record: redactRecord(entry.record, by) }]);
    });
  }

  /** Deletes it on this device for good. */
  async hide(eventId: string): Promise<void> {
    await this.#step(async () => {
      const entry = await this.#archive.find(this.roomId, eventId);
      if (entry) this.#put([{ ...entry, record: hideRecord(entry.record) }]);
    });
    await this.#archive.flush();
  }

  async orderOf(eventId: string): Promise<number | undefined> {
    return this.#step(() => this.#orderOf(eventId));
  }

  async find(eventId: string): Promise<EventRecord | undefined> {
    return this.#step(async () => (await this.#archive.find(this.roomId, eventId))?.record);
  }

  /** An event that is not on this device; it is not kept. */
  async fetch(eventId: string): Promise<EventRecord | undefined> {
    try {
      const raw = await this.#client.fetchRoomEvent(this.roomId, eventId);
      const event = this.#client.getEventMapper({ decrypt: false })(raw);
      await this.#client.decryptEventIfNeeded(event);
      return recordEvent(this.#client, event, await shieldOf(this.#client, event));
    } catch {
      return undefined;
    }
  }

  /** The newest entries as they are on this device. */
  async newest(limit: number): Promise<readonly HistoryEntry[]> {
    return this.#step(() => this.#archive.before(this.roomId, Infinity, limit));
  }

  async from(order: number, limit: number): Promise<readonly HistoryEntry[]> {
    return this.#step(() => this.#archive.from(this.roomId, order, limit));
  }

  /** Entries before a place: from this device, and from the server where there is a gap. A gap that cannot be filled now is an entry itself. */
  async before(order: number, limit: number): Promise<readonly HistoryEntry[]> {
    return this.#step(async () => {
      for (let pages = 0; pages < EMPTY_PAGES_MAX; pages += 1) {
        const entries = await this.#archive.before(this.roomId, order, limit);
        const lastGap = entries.findLastIndex(({ kind }) => kind === "gap");
        if (lastGap < entries.length - 1) return entries.slice(lastGap + 1);
        const gap = entries[lastGap];
        if (gap?.kind !== "gap") return [];
        const filled = await this.#fill(gap, order, limit);
        if (filled === "failed") return [gap];
        if (filled.length > 0) return filled;
      }
      return [];
    });
  }

  /** Asks the server for what a gap hides; true once it is closed. Listeners get what is found. */
  async fillGap(order: number): Promise<boolean> {
    return this.#step(async () => {
      for (let pages = 0; pages < GAP_PAGES_MAX; pages += 1) {
        const [gap, following] = await this.#archive.from(this.roomId, order, 2);
        if (gap?.kind !== "gap" || gap.order !== order) return true;
        if ((await this.#fill(gap, following?.order ?? Infinity, GAP_PAGE)) === "failed") return false;
      }
      return false;
    });
  }

  /** Tries to decrypt again what could not be. */
  retryDecryption(entries: readonly HistoryEntry[]): void {
    for (const entry of entries) {
      if (entry.kind !== "event" || !entry.record.undecryptable || !entry.record.raw) continue;
      const event = this.#client.getEventMapper({ decrypt: false })(entry.record.raw as Partial<IEvent>);
      void this.#client.decryptEventIfNeeded(event).catch(() => undefined);
    }
  }

  async forget(): Promise<void> {
    await this.#step(async () => {
      await this.#archive.forget(this.roomId);
      for (const listener of this.#listeners) listener.forgotten?.();
      this.#recent.clear();
      this.#next = 0;
      this.#hasAny = false;
    });
  }

  async #fill(gap: HistoryEntry & { kind: "gap" }, order: number, limit: number): Promise<readonly HistoryEntry[] | "failed"> {
    let answer;
    try {
      answer = await this.#client.createMessagesRequest(this.roomId, gap.token, limit, Direction.Backward);
    } catch {
      return "failed";
    }
    const events = answer.chunk.map((raw) => this.#client.getEventMapper({ decrypt: false })(raw));
    await Promise.all(events.map((event) => this.#client.decryptEventIfNeeded(event).catch(() => undefined)));
    const following = (await this.#archive.from(this.roomId, gap.order + 1, 1))[0]?.order ?? order;
    const filled: HistoryEntry[] = [];
    let place = Math.min(following, order);
    let closed = answer.end === undefined;
    for (const event of events) {
      const eventId = event.getId();
      if (eventId === undefined) continue;
      if ((await this.#archive.find(this.roomId, eventId)) !== undefined) {
        // Met what was there before the gap.
        closed = true;
        break;
      }
      place -= 1;
      filled.push({ kind: "event", order: place, record: recordEvent(this.#client, event, await shieldOf(this.#client, event)) });
    }
    if (closed) this.#removeEntry(gap.order);
    else this.#put([{ ...gap, token: answer.end! }]);
    if (filled.length > 0) this.#mayBeOlder = true;
    filled.reverse();
    this.#put(filled);
    return filled;
  }

  #openGap(token: string): void {
    const order = this.#hasAny ? this.#next : START_ORDER;
    if (this.#hasAny) this.#next += GAP_PLACES;
    this.#put([{ kind: "gap", order, token }]);
  }

  async #redact(event: MatrixEvent): Promise<void> {
    // Room versions from 11 on have it in the content.
    const target: unknown = event.getContent()["redacts"] ?? event.event.redacts;
    const entry = typeof target !== "string" ? undefined : await this.#archive.find(this.roomId, target);
    if (entry && entry.record.redactedBy === undefined) this.#put([{ ...entry, record: redactRecord(entry.record, event.getSender() ?? "") }]);
  }

  /** Sync brought an event again that is here already; it may have become readable, or carry the transaction ID. */
  async #refresh(event: MatrixEvent, order: number): Promise<void> {
    const [entry] = await this.#archive.from(this.roomId, order, 1);
    if (entry?.kind !== "event" || entry.record.eventId !== event.getId() || entry.record.redactedBy !== undefined) return;
    const record = recordEvent(this.#client, event, entry.record.shield);
    const isNews = (entry.record.undecryptable !== undefined && record.undecryptable === undefined) || (entry.record.transactionId === undefined && record.transactionId !== undefined);
    if (isNews && !(record.undecryptable && !entry.record.undecryptable)) this.#put([{ ...entry, record }]);
  }

  async #orderOf(eventId: string): Promise<number | undefined> {
    const recent = this.#recent.get(eventId);
    return recent !== undefined || !this.#mayBeOlder ? recent : this.#archive.orderOf(this.roomId, eventId);
  }

  #put(entries: readonly HistoryEntry[]): void {
    if (entries.length === 0) return;
    this.#hasAny = true;
    for (const entry of entries) this.#archive.put(this.roomId, entry);
    for (const listener of this.#listeners) listener.put(entries);
  }

  #removeEntry(order: number): void {
    this.#archive.remove(this.roomId, order);
    for (const listener of this.#listeners) listener.removed(order);
  }

  #remember(eventId: string, order: number): void {
    this.#recent.set(eventId, order);
    if (this.#recent.size <= RECENT_MAX) return;
    this.#mayBeOlder = true;
    const oldest = this.#recent.keys().next().value;
    if (oldest !== undefined) this.#recent.delete(oldest);
  }

  async #load(): Promise<void> {
    const recent = await this.#archive.recent(this.roomId, RECENT_MAX);
    for (const { order, eventId } of recent.toReversed()) if (eventId !== undefined) this.#recent.set(eventId, order);
    this.#hasAny = recent.length > 0;
    this.#mayBeOlder = recent.length >= RECENT_MAX;
    this.#next = Math.max(0, (recent[0]?.order ?? -1) + 1);
  }

  #step<T>(work: () => Promise<T>): Promise<T> {
    this.#loaded ??= this.#load().catch((error: unknown) => {
      // The next one tries again: a disk that fails once must not close the room for good.
      this.#loaded = undefined;
      throw error;
    });
    const result = Promise.all([this.#loaded, this.#chain]).then(work);
    this.#chain = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }
}
