import { type IEvent, ThreadFilterType } from "matrix-js-sdk";
import { Direction } from "matrix-js-sdk/lib/models/event-timeline";
import type { EventRecord } from "@/domain/event_record";
import type { Message } from "@/domain/message";
import { buildMessage, isMessageType, type MessageContext } from "@/domain/message_builder";
import { parseEnvelope } from "@/domain/message_envelope";
import { Store, type Readable } from "@/domain/store";
import { type ListedThread, NO_THREADS, type ThreadList as Listed } from "@/domain/thread_list";
import { readChild, readInteger, readList, readRecord, readToken } from "@/domain/untrusted";
import type { Account } from "./account";
import { recordEvent, shieldOf } from "./event_adapter";
import type { Threads } from "./threads";

const PAGE = 30;
const SHOWN_MAX = 300;
/** Of what the archive does not have: first messages and newest answers that only the server's list has brought. */
const KEPT_MAX = 100;
const ID_LENGTH_MAX = 255;

/** All threads of a room: those this device knows, at once and offline, and those the server lists. */
export class ThreadList {
  readonly #account: Account;
  readonly #threads: Threads;
  readonly #context: MessageContext;
  readonly #roomId: string;
  readonly #store = new Store<Listed>(NO_THREADS);
  readonly #kept = new Map<string, EventRecord>();
  #next: string | undefined;
  #isOpen = false;
  #building: Promise<void> = Promise.resolve();
  #isQueued = false;

  constructor(account: Account, threads: Threads, context: MessageContext, roomId: string) {
    this.#account = account;
    this.#threads = threads;
    this.#context = context;
    this.#roomId = roomId;
  }

  get readable(): Readable<Listed> {
    return this.#store;
  }

  /** From the beginning of the server's list, or its next page. Never fails: what is known is shown, and that it is not all. */
  async load(part: "first" | "more"): Promise<void> {
    if (!this.#isOpen) await this.#loadKept();
    this.#isOpen = true;
    this.#store.update((list) => ({ ...list, loading: true }));
    await this.#publish();
    let isPartial = false;
    try {
      await this.#ask(part === "more" ? this.#next : undefined);
    } catch {
      isPartial = true;
    }
    await this.#publish();
    this.#store.update((list) => ({ ...list, loading: false, hasMore: this.#next !== undefined, isPartial }));
  }

  /** A thread has changed. */
  refresh(): void {
    if (this.#isOpen) void this.#publish();
  }

  async #ask(from: string | undefined): Promise<void> {
    const { client } = this.#account;
    const answer = readRecord(await client.createThreadListMessagesRequest(this.#roomId, from ?? null, PAGE, Direction.Backward, ThreadFilterType.All));
    for (const each of readList(answer, "chunk", PAGE)) await this.#take(each);
    this.#next = readToken(answer, "end", 1_000);
    this.#account.values.save(this.#savedName, [...this.#kept.values()].slice(-KEPT_MAX));
  }

  async #take(raw: unknown): Promise<void> {
    const root = readRecord(raw);
    const rootId = readToken(root, "event_id", ID_LENGTH_MAX);
    const bundle = readChild(readChild(readChild(root, "unsigned"), "m.relations"), "m.thread");
    const latest = readChild(bundle, "latest_event");
    const count = readInteger(bundle, "count", 1, Number.MAX_SAFE_INTEGER);
    if (root === undefined || rootId === undefined || latest === undefined || count === undefined || readToken(latest, "event_id", ID_LENGTH_MAX) === undefined) return;
    const records = await Promise.all([root, latest].map((each) => this.#record(each)));
    for (const record of records) await this.#keep(record);
    this.#threads.takeListed(this.#roomId, rootId, count, records[1]!);
  }

  /** What is not in the archive is kept here, unless it is to vanish: nothing would see to that. */
  async #keep(record: EventRecord): Promise<void> {
    const { disappearAfterS, viewOnce } = parseEnvelope(record.content);
    this.#kept.delete(record.eventId);
    if (disappearAfterS > 0 || viewOnce || record.undecryptable !== undefined) return;
    if ((await this.#account.histories.of(this.#roomId).find(record.eventId)) === undefined) this.#kept.set(record.eventId, record);
  }

  async #record(raw: Readonly<Record<string, unknown>>): Promise<EventRecord> {
    const { client } = this.#account;
    const event = client.getEventMapper({ decrypt: false })({ ...raw, room_id: this.#roomId } as unknown as IEvent);
    await client.decryptEventIfNeeded(event).catch(() => undefined);
    return recordEvent(client, event, await shieldOf(client, event));
  }

  get #savedName(): string {
    return `thread-list:${this.#roomId}`;
  }

  async #loadKept(): Promise<void> {
    const saved = await this.#account.values.load(this.#savedName);
    for (const record of Array.isArray(saved) ? (saved as EventRecord[]) : []) this.#kept.set(record.eventId, record);
  }

  /** One after the other; several changes at once are one. */
  #publish(): Promise<void> {
    if (this.#isQueued) return this.#building;
    this.#isQueued = true;
    this.#building = this.#building.then(async () => {
      this.#isQueued = false;
      const threads = await Promise.all(this.#threads.list(this.#roomId).slice(0, SHOWN_MAX).map((entry) => this.#build(entry)));
      this.#store.update((list) => ({ ...list, threads }));
    }).catch(() => undefined);
    return this.#building;
  }

  async #build({ latestId, ...entry }: ReturnType<Threads["list"]>[number]): Promise<ListedThread> {
    const [root, latest] = await Promise.all([this.#message(entry.rootId), latestId === undefined ? undefined : this.#message(latestId)]);
    return { ...entry, ...(root ? { root } : {}), ...(latest ? { latest } : {}) };
  }

  async #message(eventId: string): Promise<Message | undefined> {
    const { archive, histories } = this.#account;
    const history = histories.of(this.#roomId);
    const record = (await history.find(eventId)) ?? this.#kept.get(eventId);
    if (!record || !isMessageType(record) || !this.#context.isVisible(record)) return undefined;
    const related = await archive.related(this.#roomId, eventId);
    return buildMessage(record, (await history.orderOf(eventId)) ?? -Infinity, related.flatMap((entry) => (entry.kind === "event" ? [entry.record] : [])), this.#context);
  }
}
