import { type IEvent, type MatrixEvent, Method } from "matrix-js-sdk";
import type { Timeline } from "@/domain/engine";
import { type HistoryEntry } from "@/domain/event_record";
import type { MessageContext } from "@/domain/message_builder";
import { Store, type Readable } from "@/domain/store";
import { TimelineModel } from "@/domain/timeline";
import type { Account } from "./account";
import { recordEvent, shieldOf } from "./event_adapter";
import { ask } from "./failures";
import { placeOutgoing } from "./outgoing_messages";
import type { RoomTicks } from "./ticks";

const PAGE = 50;
/** More than so many entries are let go of, down to about half, where nobody looks: a chat that is open all day must not fill the memory. */
const LOADED_MAX = 400;
const LOADED_KEPT = 200;
/** More than any window shows, however many of the entries are reactions and edits. */
const ITEMS_KEPT_MIN = 80;
/** After a page could not be loaded. */
const PAUSE_MS = 3_000;
const EMPTY: Timeline = { items: [], hasBefore: true, hasAfter: false, loading: "no" };

/** What part of the room is shown: its end, an earlier part from this device, or one fetched around an event that is not on this device. */
type Place = { readonly kind: "live" } | { readonly kind: "past" } | { readonly kind: "fetched"; readonly before: string | undefined; readonly after: string | undefined };

export class ChatTimeline {
  readonly #account: Account;
  readonly #roomId: string;
  readonly #ticks: RoomTicks;
  readonly #context: MessageContext;
  /** Why the end of the room could not be read; until it is tried again. */
  #unopened: string | undefined;
  #pause: { readonly error: unknown; readonly timer: ReturnType<typeof setTimeout> } | undefined;
  readonly #model: TimelineModel;
  readonly #store = new Store<Timeline>(EMPTY);
  readonly #ends: (() => void)[] = [];
  #place: Place = { kind: "live" };
  #hasBefore = true;
  #loading: Timeline["loading"] = "no";
  #running: Promise<void> = Promise.resolve();
  #scheduled = false;
  /** Raised with every jump: what an earlier place was still loading is dropped. */
  #generation = 0;

  constructor(account: Account, roomId: string, ticks: RoomTicks, context: MessageContext) {
    this.#account = account;
    this.#roomId = roomId;
    this.#ticks = ticks;
    this.#context = context;
    this.#model = new TimelineModel(context);
    const history = account.histories.of(roomId);
    this.#ends.push(
      history.listen({ put: (entries) => this.#take(entries), removed: (order) => this.#drop(order) }),
      account.queue.items.subscribe(() => this.#publishSoon()),
      ticks.listen((from, to) => {
        this.#model.touchOwn(from, to);
        this.#publishSoon();
      }),
    );
  }

  get readable(): Readable<Timeline> {
    return this.#store;
  }

  get model(): TimelineModel {
    return this.#model;
  }

  get isLive(): boolean {
    return this.#place.kind === "live";
  }

  close(): void {
    this.#awake();
    for (const end of this.#ends) end();
  }

  /** Shows the end of the room as it is on this device, and fills it up from the server if that is little. */
  async openLive(): Promise<void> {
    const hadFailed = this.#unopened !== undefined;
    const generation = this.#enter({ kind: "live" });
    if (hadFailed) this.#publish();
    const history = this.#account.histories.of(this.#roomId);
    try {
      const entries = await history.newest(PAGE);
      if (generation !== this.#generation) return;
      this.#model.put(newestRun(entries));
      this.#hasBefore = true;
      this.#publish();
      history.retryDecryption(entries);
      await this.#ticks.refresh();
      if (this.#model.items().length < PAGE / 2) void this.loadBefore().catch(() => undefined);
    } catch (error) {
      if (generation !== this.#generation) return;
      this.#unopened = reasonOf(error);
      this.#publish();
    }
  }

  /** To be called while nothing but the end is on the screen: what stands far above it is read from this device again when somebody goes there. */
  letGoOfOldest(): void {
    if (this.#place.kind !== "live" || this.#loading !== "no" || this.#model.size <= LOADED_MAX) return;
    if (!this.#model.keepNewest(LOADED_KEPT, ITEMS_KEPT_MIN)) return;
    this.#hasBefore = true;
    this.#publishSoon();
  }

  /** Shows where reading stopped, once for each opening. */
  markUnreadFrom(order: number | undefined): void {
    this.#model.setUnreadAfter(order);
    this.#publishSoon();
  }

  async loadBefore(): Promise<void> {
    if (this.#loading === "before") return this.#running;
    if (this.#pause) throw this.#pause.error;
    if (this.#loading !== "no" || !this.#hasBefore) return;
    await this.#load("before", async () => {
      const place = this.#place;
      if (place.kind === "fetched") return this.#loadFetched(place, "b");
      const history = this.#account.histories.of(this.#roomId);
      const entries = await history.before(this.#model.firstOrder ?? Infinity, PAGE);
      // An empty history is one that sync has not filled yet.
      this.#hasBefore = entries.length > 0 || this.#model.firstOrder === undefined;
      history.retryDecryption(entries);
      return entries;
    });
  }

  async loadAfter(): Promise<void> {
    if (this.#loading === "after") return this.#running;
    if (this.#pause) throw this.#pause.error;
    if (this.#loading !== "no" || this.#place.kind === "live") return;
    await this.#load("after", async () => {
      const place = this.#place;
      if (place.kind === "fetched") return this.#loadFetched(place, "f");
      const entries = await this.#account.histories.of(this.#roomId).from((this.#model.lastOrder ?? -Infinity) + 1, PAGE);
      if (entries.length < PAGE) this.#place = { kind: "live" };
      return entries;
    });
  }

  async jumpToEvent(eventId: string): Promise<void> {
    if (this.#model.has(eventId)) return;
    const history = this.#account.histories.of(this.#roomId);
    const order = await history.orderOf(eventId);
    if (order === undefined) return this.#fetchAround(eventId);
    const before = newestRun(await history.before(order, PAGE / 2));
    const after = await history.from(order, PAGE);
    this.#enter({ kind: after.length < PAGE ? "live" : "past" });
    this.#model.put([...before, ...after]);
    this.#hasBefore = true;
    this.#publish();
  }

  async jumpToTime(time: number): Promise<void> {
    const { client } = this.#account;
    const found = await ask(client.timestampToEvent(this.#roomId, time, "f" as never));
    await this.jumpToEvent(found.event_id);
  }

  touch(eventIds: Iterable<string>): void {
    this.#model.touch(eventIds);
    this.#publishSoon();
  }

  touchAll(): void {
    this.#model.touchAll();
    this.#publishSoon();
  }

  /** Asks for what gaps on the screen hide: after a hole in sync, and when the server can be reached again. */
  async refill(): Promise<void> {
    if (this.#place.kind === "fetched") return;
    const history = this.#account.histories.of(this.#roomId);
    for (const order of this.#model.gaps()) if (!(await history.fillGap(order))) return;
  }

  async #fetchAround(eventId: string): Promise<void> {
    const { client } = this.#account;
    const path = `/rooms/${encodeURIComponent(this.#roomId)}/context/${encodeURIComponent(eventId)}`;
    type Context = { event: IEvent; events_before?: IEvent[]; events_after?: IEvent[]; start?: string; end?: string };
    const answer = await ask(client.http.authedRequest<Context>(Method.Get, path, { limit: String(PAGE) }));
    const raw = [...(answer.events_before ?? []).toReversed(), answer.event, ...(answer.events_after ?? [])];
    const entries = await this.#decrypt(raw, 0);
    this.#enter({ kind: "fetched", before: answer.start, after: answer.end });
    this.#model.put(entries);
    this.#hasBefore = answer.start !== undefined;
    this.#publish();
  }

  async #loadFetched(place: Place & { kind: "fetched" }, dir: "b" | "f"): Promise<readonly HistoryEntry[]> {
    const token = dir === "b" ? place.before : place.after;
    if (token === undefined) return [];
    const answer = await ask(this.#account.client.createMessagesRequest(this.#roomId, token, PAGE, dir as never));
    const ordered = dir === "b" ? answer.chunk.toReversed() : answer.chunk;
    const start = dir === "b" ? (this.#model.firstOrder ?? 0) - ordered.length : (this.#model.lastOrder ?? 0) + 1;
    const end = answer.chunk.length === 0 ? undefined : answer.end;
    this.#place = dir === "b" ? { ...place, before: end } : { ...place, after: end };
    if (dir === "b") this.#hasBefore = end !== undefined;
    return this.#decrypt(ordered as IEvent[], start);
  }

  async #decrypt(raw: readonly Partial<IEvent>[], firstOrder: number): Promise<readonly HistoryEntry[]> {
    const { client } = this.#account;
    const events: MatrixEvent[] = raw.map((event) => client.getEventMapper({ decrypt: false })(event));
    await Promise.all(events.map((event) => client.decryptEventIfNeeded(event).catch(() => undefined)));
    const shields = await Promise.all(events.map((event) => shieldOf(client, event)));
    return events.map((event, index) => ({ kind: "event", order: firstOrder + index, record: recordEvent(client, event, shields[index]) }));
  }

  #load(direction: "before" | "after", work: () => Promise<readonly HistoryEntry[]>): Promise<void> {
    this.#running = this.#loadNow(direction, work);
    return this.#running;
  }

  async #loadNow(direction: "before" | "after", work: () => Promise<readonly HistoryEntry[]>): Promise<void> {
    const generation = this.#generation;
    this.#loading = direction;
    this.#publish();
    try {
      const entries = await work();
      if (generation === this.#generation) this.#model.put(entries);
    } catch (error) {
      if (generation === this.#generation) this.#rest(error);
      throw error;
    } finally {
      if (generation === this.#generation) {
        this.#loading = "no";
        this.#publish();
      }
    }
  }

  /** Who looks at the chat asks for more whenever something changes: what has just failed must not be asked for again at once. */
  #rest(error: unknown): void {
    this.#awake();
    const timer = setTimeout(() => {
      this.#pause = undefined;
      this.#publish();
    }, PAUSE_MS);
    this.#pause = { error, timer };
  }

  #awake(): void {
    clearTimeout(this.#pause?.timer);
    this.#pause = undefined;
  }

  #enter(place: Place): number {
    this.#awake();
    this.#unopened = undefined;
    this.#model.clear();
    this.#place = place;
    this.#loading = "no";
    return ++this.#generation;
  }

  #take(entries: readonly HistoryEntry[]): void {
    const shown: HistoryEntry[] = [];
    for (const entry of entries) {
      const known = entry.kind === "event" ? this.#model.orderOf(entry.record.eventId) : undefined;
      if (known !== undefined) shown.push({ ...entry, order: known });
      else if (this.#belongs(entry)) shown.push(entry);
    }
    if (this.#place.kind !== "fetched" && entries.some(({ kind }) => kind === "gap")) this.#hasBefore = true;
    if (shown.some(({ kind }) => kind === "gap")) setTimeout(() => void this.refill().catch(() => undefined));
    if (shown.length === 0) return;
    this.#model.put(shown);
    if (!this.#store.isWatched) this.letGoOfOldest();
    void this.#ticks.refresh();
    this.#publishSoon();
  }

  /** Whether the loaded part reaches over this place. */
  #belongs(entry: HistoryEntry): boolean {
    const { firstOrder, lastOrder } = this.#model;
    // What lies before the first event is loaded when it is asked for.
    if (firstOrder === undefined || lastOrder === undefined) return this.#place.kind === "live" && entry.kind === "event";
    if (entry.order < firstOrder || this.#place.kind === "fetched") return false;
    return this.#place.kind === "live" || entry.order <= lastOrder;
  }

  #drop(order: number): void {
    if (this.#place.kind === "fetched") return;
    this.#model.remove(order);
    this.#publishSoon();
  }

  #publishSoon(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setTimeout(() => {
      this.#scheduled = false;
      this.#publish();
    });
  }

  #publish(): void {
    try {
      placeOutgoing({ account: this.#account, roomId: this.#roomId, model: this.#model, context: this.#context, showsNew: this.#place.kind === "live" });
      const hasAfter = this.#place.kind === "past" || this.#place.kind === "fetched";
      const failure = this.#unopened === undefined ? {} : { failure: this.#unopened };
      this.#store.set({ items: this.#model.items(), hasBefore: this.#hasBefore, hasAfter, loading: this.#loading, ...failure });
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    const { failure: _before, ...timeline } = this.#store.get();
    this.#store.set({ ...timeline, loading: "no", failure: reasonOf(error) });
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The entries after the last gap: what lies before it is shown once the gap has been tried. */
function newestRun(entries: readonly HistoryEntry[]): readonly HistoryEntry[] {
  return entries.slice(entries.findLastIndex(({ kind }) => kind === "gap") + 1);
}
