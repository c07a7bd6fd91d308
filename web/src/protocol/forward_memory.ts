import type { EventRecord, HistoryEntry } from "@/domain/event_record";
import { relationOf } from "@/domain/event_record";
import { ForwardGuard, RETENTION_MS } from "@/domain/forward_guard/forward_guard";
import { guardedContent } from "@/domain/forward_guard/guarded_content";
import type { GuardState } from "@/domain/forward_guard/guard_state";
import { bodyOf, isMessageType } from "@/domain/message_builder";
import { parseEnvelope } from "@/domain/message_envelope";
import { readChild, readInteger, readRecord } from "@/domain/untrusted";
import type { EngineDatabase, Sealed, Vault } from "@/platform/engine_database";
import type { IdleWork } from "@/platform/idle_work";

const PREFIX = "forward-guard:";
const SAVE_DELAY_MS = 1_000;
/** A piece on the disk; when it is full the next one is begun, so that saving costs the same whatever is remembered. */
const PIECE_ENTRIES = 300;
/** So many of the newest messages are noted at once when something is about to be sent: nobody copies from further back within a moment. */
const CATCH_UP_MAX = 50;

export interface ForwardMemoryParts {
  readonly userId: string;
  readonly database: EngineDatabase;
  readonly vault: Vault;
  readonly idle: IdleWork;
  readonly now: () => number;
  readonly isGroup: (roomId: string) => boolean;
  /** A message has come further than it says. */
  readonly raised: (roomId: string, eventId: string) => void;
}

/** Feeds the forward guard with what comes in, and keeps what it remembers for seven days, encrypted, on this device only. */
export class ForwardMemory {
  readonly guard: ForwardGuard;
  readonly #parts: ForwardMemoryParts;
  /** What has arrived and waits for the page to be idle, the oldest first. */
  readonly #waiting = new Set<EventRecord>();
  #loaded: Promise<void> | undefined;
  #piece = 1;
  #tail: { readonly version: 1; seen: GuardState["seen"]; sent: GuardState["sent"]; own: NonNullable<GuardState["own"]> } = emptyTail();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(parts: ForwardMemoryParts) {
    this.#parts = parts;
    this.guard = new ForwardGuard(parts.now, undefined, () => this.#saveSoon(), () => this.#catchUp());
  }

  load(): Promise<void> {
    this.#loaded ??= this.#load();
    return this.#loaded;
  }

  take(entries: readonly HistoryEntry[]): void {
    const since = this.#parts.now() - RETENTION_MS;
    const records = entries.flatMap((entry) => (entry.kind === "event" && entry.record.sentAt >= since && mayCount(entry.record) ? [entry.record] : []));
    if (records.length === 0) return;
    void this.load().then(() => {
      for (const record of records) {
        this.#waiting.add(record);
        this.#parts.idle.add(() => this.#takeOnce(record));
      }
    });
  }

  async flush(): Promise<void> {
    await this.#loaded;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing.then(() => this.#write());
    await this.#writing;
  }

  /** A page with much to do may come to it late, and what was copied from the screen meanwhile is not this person's own. */
  #catchUp(): void {
    for (const record of [...this.#waiting].slice(-CATCH_UP_MAX)) this.#takeOnce(record);
  }

  #takeOnce(record: EventRecord): void {
    if (this.#waiting.delete(record)) this.#takeRecord(record);
  }

  #takeRecord(record: EventRecord): void {
    const relation = relationOf(record);
    const isEdit = relation?.type === "edit";
    const content = isEdit ? readChild(record.content, "m.new_content") : record.content;
    if (content === undefined) return;
    const guarded = guardedContent(bodyOf({ ...record, content }));
    if (guarded.text === undefined && guarded.mxc === undefined) return;
    const { hop } = parseEnvelope(content);
    if (record.sender === this.#parts.userId) {
      if (hop === 0) this.guard.noteOwn(guarded);
      else this.guard.noteForwarded(guarded, hop, { roomId: record.roomId, isGroup: this.#parts.isGroup(record.roomId) }, record.sentAt);
    } else if (this.guard.receive(guarded, hop) > hop) {
      this.#parts.raised(record.roomId, isEdit ? relation.eventId : record.eventId);
    }
  }

  #saveSoon(): void {
    this.#timer ??= setTimeout(() => void this.flush().catch(() => undefined), SAVE_DELAY_MS);
  }

  async #write(): Promise<void> {
    const { database, vault } = this.#parts;
    const { seen, sent, own = [] } = this.guard.takeChanges();
    if (seen.length + sent.length + own.length === 0) return;
    this.#tail = { version: 1, seen: [...this.#tail.seen, ...seen], sent: [...this.#tail.sent, ...sent], own: [...this.#tail.own, ...own] };
    const key = PREFIX + String(this.#piece).padStart(9, "0");
    await database.put("values", await vault.seal({ at: this.#parts.now(), state: this.#tail }), key);
    if (this.#tail.seen.length + this.#tail.sent.length + this.#tail.own.length < PIECE_ENTRIES) return;
    this.#tail = emptyTail();
    this.#piece += 1;
  }

  async #load(): Promise<void> {
    const { database, vault, now } = this.#parts;
    for (const key of await database.getAllKeys("values", IDBKeyRange.bound(PREFIX, `${PREFIX}\uffff`))) {
      const sealed = (await database.get("values", key)) as Sealed | undefined;
      const saved = readRecord(sealed && (await vault.unseal(sealed)));
      this.#piece = Math.max(this.#piece, Number.parseInt(key.slice(PREFIX.length), 10) + 1 || 1);
      if ((readInteger(saved, "at", 0, Number.MAX_SAFE_INTEGER) ?? 0) < now() - RETENTION_MS) await database.delete("values", key);
      else this.guard.restore(readChild(saved, "state"));
    }
  }
}

function emptyTail(): { readonly version: 1; seen: GuardState["seen"]; sent: GuardState["sent"]; own: NonNullable<GuardState["own"]> } {
  return { version: 1, seen: [], sent: [], own: [] };
}

function mayCount(record: EventRecord): boolean {
  return record.redactedBy === undefined && !record.gone && !record.undecryptable && record.type !== "m.sticker" && (isMessageType(record) || relationOf(record)?.type === "edit");
}
