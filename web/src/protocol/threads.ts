import { Method } from "matrix-js-sdk";
import type { HistoryEntry } from "@/domain/event_record";
import type { ThreadNote } from "@/domain/message";
import { ThreadBook } from "@/domain/thread_book";
import type { Account } from "./account";

const SAVED_NAME = "threads";

/** The book of threads, kept on this device; other devices of the account and other clients hear of what was read by receipts. */
export class Threads {
  readonly #account: Account;
  readonly #changed: (roomId: string, rootId: string) => void;
  readonly #book: ThreadBook;

  constructor(account: Account, changed: (roomId: string, rootId: string) => void) {
    this.#account = account;
    this.#changed = changed;
    this.#book = new ThreadBook(account.userId, account.now());
  }

  async load(): Promise<void> {
    this.#book.load(await this.#account.values.load(SAVED_NAME));
  }

  of(rootId: string): ThreadNote | undefined {
    return this.#book.of(rootId);
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

  async read(roomId: string, rootId: string, lastEventId: string | undefined): Promise<void> {
    if (!this.#book.read(rootId)) return;
    this.#save();
    this.#changed(roomId, rootId);
    if (lastEventId === undefined) return;
    const { client } = this.#account;
    const isPublic = client.getAccountData("org.zajil.privacy" as never)?.getContent()["read_receipts"] !== false;
    const path = `/rooms/${encodeURIComponent(roomId)}/receipt/${isPublic ? "m.read" : "m.read.private"}/${encodeURIComponent(lastEventId)}`;
    // What cannot be told now is told with the next answer that is read.
    await client.http.authedRequest(Method.Post, path, undefined, { thread_id: rootId }).catch(() => undefined);
  }

  #save(): void {
    this.#account.values.save(SAVED_NAME, this.#book.save());
  }
}
