import { Method } from "matrix-js-sdk";
import type { EventRecord, HistoryEntry } from "@/domain/event_record";
import type { ThreadNote } from "@/domain/message";
import { ThreadBook, type ThreadEntry } from "@/domain/thread_book";
import { readRecord, readToken } from "@/domain/untrusted";
import type { Account } from "./account";
import { failureOf } from "./failures";

const SAVED_NAME = "threads";
const SAVED_UNTOLD = "threads-untold";
const ID_LENGTH_MAX = 255;
const UNTOLD_MAX = 200;

interface Place {
  readonly roomId: string;
  readonly eventId: string;
}

/** The book of threads, kept on this device; other devices of the account and other clients hear of what was read by receipts, and tell of it so. */
export class Threads {
  readonly #account: Account;
  readonly #changed: (roomId: string, rootId: string) => void;
  readonly #book: ThreadBook;
  /** Threads that were read while the server could not be told, by their first message. */
  readonly #untold = new Map<string, Place>();

  constructor(account: Account, changed: (roomId: string, rootId: string) => void) {
    this.#account = account;
    this.#changed = changed;
    this.#book = new ThreadBook(account.userId, account.now());
  }

  async load(): Promise<void> {
    const { values } = this.#account;
    this.#book.load(await values.load(SAVED_NAME));
    for (const [rootId, value] of Object.entries(readRecord(await values.load(SAVED_UNTOLD)) ?? {}).slice(0, UNTOLD_MAX)) {
      const [roomId, eventId] = ["roomId", "eventId"].map((name) => readToken(readRecord(value), name, ID_LENGTH_MAX));
      if (roomId !== undefined && eventId !== undefined) this.#untold.set(rootId, { roomId, eventId });
    }
  }

  of(rootId: string): ThreadNote | undefined {
    return this.#book.of(rootId);
  }

  /** The threads of a room, the one with the newest answer first. */
  list(roomId: string): readonly ThreadEntry[] {
    return this.#book.list(roomId);
  }

  take(roomId: string, entries: readonly HistoryEntry[]): void {
    const roots = new Set<string>();
    for (const entry of entries) {
      const root = entry.kind === "event" ? this.#book.take(entry.record) : undefined;
      if (root !== undefined) roots.add(root);
    }
    if (roots.size > 0) this.#save();
    for (const root of roots) this.#changed(roomId, root);
  }

  /** A thread from the server's list. */
  takeListed(roomId: string, rootId: string, count: number, latest: EventRecord): void {
    if (!this.#book.takeListed(roomId, rootId, count, latest)) return;
    this.#save();
    this.#changed(roomId, rootId);
  }

  /** The content of an `m.receipt` event: what we have read of threads on other devices. */
  acceptReceipts(roomId: string, content: unknown): void {
    for (const [eventId, types] of Object.entries(readRecord(content) ?? {})) {
      for (const type of ["m.read", "m.read.private"]) {
        const receipt = readRecord(readRecord(readRecord(types)?.[type])?.[this.#account.userId]);
        const rootId = readToken(receipt, "thread_id", ID_LENGTH_MAX);
        if (rootId === undefined || rootId === "main" || rootId === eventId || !this.#book.readElsewhere(roomId, rootId, eventId)) continue;
        this.#save();
        this.#changed(roomId, rootId);
      }
    }
  }

  async read(roomId: string, rootId: string, lastEventId: string | undefined): Promise<void> {
    if (!this.#book.read(rootId)) return;
    this.#save();
    this.#changed(roomId, rootId);
    if (lastEventId === undefined) return;
    this.#untold.set(rootId, { roomId, eventId: lastEventId });
    await this.tell();
  }

  /** Tells the server what it was not told yet; what cannot be told now stays for the next time. */
  async tell(): Promise<void> {
    this.#saveUntold();
    for (const [rootId, place] of [...this.#untold]) {
      try {
        await this.#sendReceipt(rootId, place);
      } catch (error) {
        const { status } = failureOf(error);
        // No answer, or not now: later. What the server refuses it would refuse again.
        if (status === undefined || status === 429 || status >= 500) continue;
      }
      if (this.#untold.get(rootId) === place) this.#untold.delete(rootId);
      this.#saveUntold();
    }
  }

  async #sendReceipt(rootId: string, { roomId, eventId }: Place): Promise<void> {
    const { client } = this.#account;
    const isPublic = client.getAccountData("org.zajil.privacy" as never)?.getContent()["read_receipts"] !== false;
    const path = `/rooms/${encodeURIComponent(roomId)}/receipt/${isPublic ? "m.read" : "m.read.private"}/${encodeURIComponent(eventId)}`;
    await client.http.authedRequest(Method.Post, path, undefined, { thread_id: rootId });
  }

  #save(): void {
    this.#account.values.save(SAVED_NAME, this.#book.save());
  }

  #saveUntold(): void {
    this.#account.values.save(SAVED_UNTOLD, Object.fromEntries([...this.#untold].slice(-UNTOLD_MAX)));
  }
}
