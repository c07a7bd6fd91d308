import type { EventRecord } from "@/domain/event_record";
import type { Account } from "./account";

const SAVED_NAME = "expiries";
const CHECK_MS_MAX = 60_000;
const AT_ONCE_MAX = 200;

interface Due {
  readonly roomId: string;
  readonly eventId: string;
  readonly at: number;
  readonly own: boolean;
}

/** Disappearing messages: at their time they are deleted here, and by their sender's client from the server. */
export class Expiry {
  readonly #account: Account;
  readonly #expired: (roomId: string) => void;
  readonly #due = new Map<string, Due>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Infinity;
  #stopped = false;

  constructor(account: Account, expired: (roomId: string) => void) {
    this.#account = account;
    this.#expired = expired;
  }

  async load(): Promise<void> {
    const saved = await this.#account.values.load(SAVED_NAME);
    for (const due of Array.isArray(saved) ? (saved as Due[]) : []) this.#due.set(due.eventId, due);
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  watch(record: EventRecord, disappearAfterS: number): void {
    if (disappearAfterS === 0 || record.redactedBy !== undefined || record.gone || this.#due.has(record.eventId)) return;
    this.#due.set(record.eventId, { roomId: record.roomId, eventId: record.eventId, at: record.sentAt + disappearAfterS * 1_000, own: record.sender === this.#account.userId });
    this.#save();
    this.#schedule();
  }

  #schedule(): void {
    const next = Math.min(...[...this.#due.values()].map(({ at }) => at));
    if (this.#stopped || next >= this.#timerAt || next === Infinity) return;
    clearTimeout(this.#timer);
    this.#timerAt = next;
    const wait = Math.max(0, Math.min(next - this.#account.now(), CHECK_MS_MAX));
    this.#timer = setTimeout(() => {
      this.#timerAt = Infinity;
      void this.#expire()
        .catch(() => undefined)
        .finally(() => this.#schedule());
    }, wait);
  }

  async #expire(): Promise<void> {
    const now = this.#account.now();
    const due = [...this.#due.values()].filter(({ at }) => at <= now).slice(0, AT_ONCE_MAX);
    for (const { roomId, eventId, own } of due) {
      if (this.#stopped) return;
      this.#due.delete(eventId);
      await this.#account.histories.of(roomId).hide(eventId);
      if (own) await this.#account.queue.add({ roomId, type: "m.room.redaction", content: {}, redacts: eventId });
      this.#expired(roomId);
    }
    if (due.length > 0) this.#save();
  }

  #save(): void {
    this.#account.values.save(SAVED_NAME, [...this.#due.values()]);
  }
}
