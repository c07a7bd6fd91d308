import type { OutgoingText, ScheduledText } from "@/domain/engine";
import { Store, type Readable } from "@/domain/store";
import { readField, readInteger, readRecord, readString, readToken } from "@/domain/untrusted";
import type { Account } from "./account";
import { outgoingText } from "./outgoing";

const SAVED_NAME = "scheduled";
const CHECK_MS_MAX = 30_000;
const SCHEDULED_MAX = 200;
const ID_LENGTH_MAX = 255;

interface Scheduled extends ScheduledText {
  readonly roomId: string;
}

/** Texts that wait on this device for their time. The server must not learn when somebody plans to write what, so it keeps none of them. */
export class Schedule {
  readonly #account: Account;
  readonly #rooms = new Map<string, Store<readonly ScheduledText[]>>();
  #all: readonly Scheduled[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isRunning = false;
  #sending: Promise<void> = Promise.resolve();

  constructor(account: Account) {
    this.#account = account;
  }

  async load(): Promise<void> {
    const saved = await this.#account.values.load(SAVED_NAME);
    this.#set((Array.isArray(saved) ? saved : []).flatMap((each) => parse(each) ?? []));
  }

  /** From now on what is due goes into the queue, which sends it when it can. */
  start(): void {
    this.#isRunning = true;
    this.#wake();
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    clearTimeout(this.#timer);
    await this.#sending;
  }

  of(roomId: string): Readable<readonly ScheduledText[]> {
    let store = this.#rooms.get(roomId);
    if (!store) {
      store = new Store<readonly ScheduledText[]>(this.#all.filter((each) => each.roomId === roomId));
      this.#rooms.set(roomId, store);
    }
    return store;
  }

  add(roomId: string, text: OutgoingText, at: number): void {
    this.#change([...this.#all, { id: `s${this.#account.now().toString(36)}.${crypto.randomUUID()}`, roomId, text, at }].slice(-SCHEDULED_MAX));
  }

  remove(id: string): void {
    this.#change(this.#all.filter((each) => each.id !== id));
  }

  #change(all: readonly Scheduled[]): void {
    this.#set(all);
    this.#account.values.save(SAVED_NAME, this.#all);
    // At once: nothing else keeps it, and the page may be left the next moment.
    void this.#account.values.flush().catch(() => undefined);
    this.#wake();
  }

  #set(all: readonly Scheduled[]): void {
    this.#all = [...all].sort((a, b) => a.at - b.at);
    for (const [roomId, store] of this.#rooms) store.set(this.#all.filter((each) => each.roomId === roomId));
  }

  #wake(): void {
    clearTimeout(this.#timer);
    const next = this.#all[0];
    if (!this.#isRunning || !next) return;
    // In steps: a timer of hours stands still while the computer sleeps.
    const wait = Math.max(0, Math.min(next.at - this.#account.now(), CHECK_MS_MAX));
    this.#timer = setTimeout(() => {
      this.#sending = this.#sendDue()
        .catch((error: unknown) => console.error("what was scheduled could not be queued", error))
        .finally(() => this.#wake());
    }, wait);
  }

  async #sendDue(): Promise<void> {
    const { client, queue, values, disappearTimers } = this.#account;
    for (const due of this.#all.filter(({ at }) => at <= this.#account.now())) {
      const room = client.getRoom(due.roomId);
      const { type, content } = outgoingText(due.text, { disappearAfterS: disappearTimers.of(due.roomId) });
      // Its own ID goes with it: queued twice, because the page died in between, it is still one message.
      if (room?.getMyMembership() === "join") await queue.add({ id: due.id, roomId: due.roomId, type, content });
      this.remove(due.id);
      await values.flush();
    }
  }
}

function parse(value: unknown): Scheduled | undefined {
  const record = readRecord(value);
  const id = readToken(record, "id", ID_LENGTH_MAX);
  const roomId = readToken(record, "roomId", ID_LENGTH_MAX);
  const at = readInteger(record, "at", 0, Number.MAX_SAFE_INTEGER);
  const text = readRecord(readField(record, "text"));
  if (id === undefined || roomId === undefined || at === undefined || readString(text, "markdown") === undefined) return undefined;
  return { id, roomId, at, text: text as unknown as OutgoingText };
}
