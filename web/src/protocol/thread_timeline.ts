import { ClientPrefix, type IEvent, Method } from "matrix-js-sdk";
import type { Timeline } from "@/domain/engine";
import { type EventRecord, type HistoryEntry, relationOf } from "@/domain/event_record";
import type { MessageContext } from "@/domain/message_builder";
import { Store, type Readable } from "@/domain/store";
import { TimelineModel } from "@/domain/timeline";
import type { Account } from "./account";
import { recordEvent, shieldOf } from "./event_adapter";
import { placeOutgoing } from "./outgoing_messages";
import type { RoomTicks } from "./ticks";

const PAGE = 100;
const PAGES_MAX = 10;

interface RelationsPage {
  readonly chunk?: readonly IEvent[];
  readonly next_batch?: string;
}

/** One thread: its first message and the answers, from this device and, for those it lacks, from the server. */
export class ThreadTimeline {
  readonly model: TimelineModel;
  readonly #account: Account;
  readonly #roomId: string;
  readonly #rootId: string;
  readonly #context: MessageContext;
  readonly #store = new Store<Timeline>({ items: [], hasBefore: false, hasAfter: false, loading: "before" });
  readonly #ends: (() => void)[];
  #scheduled = false;

  constructor(account: Account, roomId: string, rootId: string, ticks: RoomTicks, context: MessageContext) {
    this.#account = account;
    this.#roomId = roomId;
    this.#rootId = rootId;
    this.#context = context;
    this.model = new TimelineModel(context, rootId);
    const history = account.histories.of(roomId);
    this.#ends = [
      history.listen({
        put: (entries) => this.#take(entries),
        removed: (order) => {
          this.model.remove(order);
          this.#publishSoon();
        },
      }),
      account.queue.items.subscribe(() => this.#publishSoon()),
      ticks.listen((from, to) => {
        this.model.touchOwn(from, to);
        this.#publishSoon();
      }),
    ];
    void this.#open();
  }

  get readable(): Readable<Timeline> {
    return this.#store;
  }

  /** The newest answer that the server has. */
  get lastEventId(): string | undefined {
    const { items } = this.#store.get();
    const last = items.findLast((item) => item.type === "message" && item.message.eventId !== undefined);
    return last?.type === "message" ? last.message.eventId : undefined;
  }

  touchAll(): void {
    this.model.touchAll();
    this.#publishSoon();
  }

  close(): void {
    for (const end of this.#ends) end();
  }

  async #open(): Promise<void> {
    try {
      await this.#readArchive();
      this.#publish("before");
      await this.#readServer().catch(() => undefined);
    } finally {
      this.#publish("no");
    }
  }

  async #readArchive(): Promise<void> {
    const { archive } = this.#account;
    const root = await archive.find(this.#roomId, this.#rootId);
    const related = await archive.related(this.#roomId, this.#rootId);
    this.model.put(root ? [root, ...related] : related);
    const replies = related.flatMap((entry) => (entry.kind === "event" && relationOf(entry.record)?.type === "thread" ? [entry.record.eventId] : []));
    for (const eventId of replies) this.model.put(await archive.related(this.#roomId, eventId));
  }

  /** What this device never had gets places of its own between the first message and the first answer known here. */
  async #readServer(): Promise<void> {
    const missing: EventRecord[] = [];
    if (!this.model.has(this.#rootId)) {
      const root = await this.#account.histories.of(this.#roomId).fetch(this.#rootId);
      if (root) missing.push(root);
    }
    let from: string | undefined;
    for (let page = 0; page < PAGES_MAX; page += 1) {
      const answer = await this.#ask(from);
      for (const event of answer.chunk ?? []) if (!this.model.has(event.event_id)) missing.push(await this.#record(event));
      from = answer.next_batch;
      if (from === undefined) break;
    }
    if (missing.length === 0) return;
    const sorted = missing.sort((a, b) => Number(b.eventId === this.#rootId) - Number(a.eventId === this.#rootId) || a.sentAt - b.sentAt);
    const root = this.model.orderOf(this.#rootId);
    const first = [...this.model.records()].find((record) => record.eventId !== this.#rootId);
    const upper = (first && this.model.orderOf(first.eventId)) ?? (root ?? 0) + 1;
    const lower = root ?? upper - 1;
    this.model.put(sorted.map((record, at) => ({ kind: "event", order: lower + ((upper - lower) * (at + 1)) / (sorted.length + 1), record })));
  }

  #ask(from: string | undefined): Promise<RelationsPage> {
    const path = `/rooms/${encodeURIComponent(this.#roomId)}/relations/${encodeURIComponent(this.#rootId)}/m.thread`;
    return this.#account.client.http.authedRequest<RelationsPage>(Method.Get, path, { limit: String(PAGE), ...(from === undefined ? {} : { from }) }, undefined, { prefix: ClientPrefix.V1 });
  }

  async #record(raw: IEvent): Promise<EventRecord> {
    const { client } = this.#account;
    const event = client.getEventMapper({ decrypt: false })(raw);
    await client.decryptEventIfNeeded(event).catch(() => undefined);
    return recordEvent(client, event, await shieldOf(client, event));
  }

  #take(entries: readonly HistoryEntry[]): void {
    const mine = entries.flatMap((entry): HistoryEntry[] => {
      if (entry.kind !== "event") return [];
      const known = this.model.orderOf(entry.record.eventId);
      if (known !== undefined) return [{ ...entry, order: known }];
      const relation = relationOf(entry.record);
      return relation !== undefined && relation.type !== "reply" && (relation.eventId === this.#rootId || this.model.has(relation.eventId)) ? [entry] : [];
    });
    if (mine.length === 0) return;
    this.model.put(mine);
    this.#publishSoon();
  }

  #publishSoon(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setTimeout(() => {
      this.#scheduled = false;
      this.#publish(this.#store.get().loading);
    });
  }

  #publish(loading: Timeline["loading"]): void {
    placeOutgoing({ account: this.#account, roomId: this.#roomId, model: this.model, context: this.#context, showsNew: true });
    this.#store.set({ items: this.model.items(), hasBefore: false, hasAfter: false, loading });
  }
}
