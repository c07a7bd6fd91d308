import type { TimelineItem } from "./engine";
import { type EventRecord, type HistoryEntry, redactRecord, relationOf } from "./event_record";
import { buildMessage, isMessageType, type MessageContext } from "./message_builder";
import type { Message } from "./message";
import { buildNotice } from "./notices";

const PAGE_ENTRIES_MAX = 128;
/** More than so many are not kept, whatever they are. */
const ENTRIES_MAX = 5_000;
const GROUP_GAP_MS_MAX = 5 * 60_000;

interface Slot {
  entry: HistoryEntry;
  message: Message | undefined;
}

interface Page {
  slots: Slot[];
  items: TimelineItem[];
  /** What the items before decide about these: the page is built again when it changes. */
  carriedIn: Carry | undefined;
  carriedOut: Carry | undefined;
}

/** What an item needs to know about those before it. */
interface Carry {
  readonly day: number;
  readonly sender: string;
  readonly sentAt: number;
  readonly dividerShown: boolean;
}

const START: Carry = { day: NaN, sender: "", sentAt: 0, dividerShown: false };

/**
 * The part of a room's history that is loaded, as items for the screen. It is kept in pages, and a change builds only its own page again:
 * an event costs the same in a history of ten messages and of a hundred thousand.
 */
export class TimelineModel {
  readonly #context: MessageContext;
  readonly #thread: string | undefined;
  #pages: Page[] = [];
  readonly #orders = new Map<string, number>();
  readonly #transactions = new Set<string>();
  readonly #relations = new Map<string, EventRecord[]>();
  /** Our own edits, reactions and deletions that the server does not have yet. */
  #pendingRelations: ReadonlyMap<string, readonly EventRecord[]> = new Map();
  #pendingRedactions: ReadonlySet<string> = new Set();
  #outgoing: readonly Message[] = [];
  #unreadAfter: number | undefined;
  #items: readonly TimelineItem[] | undefined;

  /** `thread` is the message whose thread is shown; without it the chat is, whose threads stand under their messages only. */
  constructor(context: MessageContext, thread?: string) {
    this.#context = context;
    this.#thread = thread;
  }

  get firstOrder(): number | undefined {
    return this.#pages[0]?.slots[0]?.entry.order;
  }

  get lastOrder(): number | undefined {
    return this.#pages.at(-1)?.slots.at(-1)?.entry.order;
  }

  has(eventId: string): boolean {
    return this.#orders.has(eventId);
  }

  /** Whether what this device sent under the transaction ID is in the loaded history. */
  hasTransaction(id: string): boolean {
    return this.#transactions.has(id);
  }

  orderOf(eventId: string): number | undefined {
    return this.#orders.get(eventId);
  }

  record(eventId: string): EventRecord | undefined {
    const order = this.#orders.get(eventId);
    const entry = order === undefined ? undefined : this.#slotAt(order)?.entry;
    return entry?.kind === "event" ? entry.record : undefined;
  }

  message(eventId: string): Message | undefined {
    const order = this.#orders.get(eventId);
    const slot = order === undefined ? undefined : this.#slotAt(order);
    return slot && this.#messageOf(slot);
  }

  /** Events that relate to this one, oldest first. */
  related(eventId: string): readonly EventRecord[] {
    const known = this.#relations.get(eventId) ?? [];
    const pending = this.#pendingRelations.get(eventId);
    const related = pending ? [...known, ...pending] : known;
    return this.#pendingRedactions.size === 0 ? related : related.filter((record) => !this.#pendingRedactions.has(record.eventId));
  }

  /** What the queue is about to change; `records` are our edits, reactions and votes. */
  setPending(records: readonly EventRecord[], redactions: ReadonlySet<string>): void {
    const relations = new Map<string, EventRecord[]>();
    for (const record of records) {
      const target = relationOf(record)?.eventId;
      if (target !== undefined) relations.set(target, [...(relations.get(target) ?? []), record]);
    }
    const touched = new Set([...relations.keys(), ...this.#pendingRelations.keys(), ...redactions, ...this.#pendingRedactions]);
    // A reaction that is taken back changes the message it belongs to.
    for (const eventId of [...redactions, ...this.#pendingRedactions]) {
      const record = this.record(eventId);
      const target = record && relationOf(record)?.eventId;
      if (target !== undefined) touched.add(target);
    }
    this.#pendingRelations = relations;
    this.#pendingRedactions = redactions;
    this.touch(touched);
  }

  *records(): Iterable<EventRecord> {
    for (const page of this.#pages) for (const { entry } of page.slots) if (entry.kind === "event") yield entry.record;
  }

  /** The places of gaps, the newest first. */
  gaps(): readonly number[] {
    return this.#pages.flatMap(({ slots }) => slots.flatMap(({ entry }) => (entry.kind === "gap" ? [entry.order] : []))).toReversed();
  }

  clear(): void {
    this.#pages = [];
    this.#orders.clear();
    this.#transactions.clear();
    this.#relations.clear();
    this.#items = undefined;
  }

  /** Adds entries or replaces those at the same place. */
  put(entries: readonly HistoryEntry[]): void {
    for (const entry of entries) this.#putOne(entry);
    this.#items = undefined;
  }

  remove(order: number): void {
    const page = this.#pageFor(order);
    const index = page?.slots.findIndex(({ entry }) => entry.order === order) ?? -1;
    if (!page || index < 0) return;
    const [slot] = page.slots.splice(index, 1);
    if (slot?.entry.kind === "event") this.#letGo(slot.entry.record);
    if (page.slots.length === 0) this.#pages.splice(this.#pages.indexOf(page), 1);
    this.#dirty(page);
  }

  /** How many entries are loaded: messages, and all that relates to them. */
  get size(): number {
    return this.#pages.reduce((sum, { slots }) => sum + slots.length, 0);
  }

  /**
   * Lets go of the oldest, in whole pages, while `count` entries or more and `itemsMin` items or more are left: a thousand reactions to the newest
   * message must not push all messages out, only many thousands. True if there was anything to let go of.
   */
  keepNewest(count: number, itemsMin: number): boolean {
    this.items();
    let entries = this.size;
    let items = this.#pages.reduce((sum, page) => sum + page.items.length, 0);
    let isAny = false;
    for (let page = this.#pages[0]; page && entries - page.slots.length >= count; page = this.#pages[0]) {
      if (items - page.items.length < itemsMin && entries <= ENTRIES_MAX) break;
      this.#pages.shift();
      entries -= page.slots.length;
      items -= page.items.length;
      isAny = true;
      for (const { entry } of page.slots) {
        if (entry.kind !== "event") continue;
        this.#letGo(entry.record);
        if (entry.record.transactionId !== undefined) this.#transactions.delete(entry.record.transactionId);
      }
    }
    if (isAny) this.#items = undefined;
    return isAny;
  }

  /** Builds these messages again, when something outside the history has changed for them. */
  touch(eventIds: Iterable<string>): void {
    for (const eventId of eventIds) {
      const order = this.#orders.get(eventId);
      if (order !== undefined) this.#touchAt(order);
    }
  }

  /** Builds our own messages after `from` up to and with `to` again: a receipt has passed them. */
  touchOwn(from: number, to: number): void {
    for (const page of this.#pages) {
      if ((page.slots.at(-1)?.entry.order ?? -Infinity) <= from || (page.slots[0]?.entry.order ?? Infinity) > to) continue;
      for (const slot of page.slots) {
        if (slot.message?.isOwn !== true || slot.entry.order <= from || slot.entry.order > to) continue;
        slot.message = undefined;
        this.#dirty(page);
      }
    }
  }

  touchAll(): void {
    for (const page of this.#pages) {
      for (const slot of page.slots) slot.message = undefined;
      this.#dirty(page);
    }
  }

  setOutgoing(messages: readonly Message[]): void {
    this.#outgoing = messages;
    this.#items = undefined;
  }

  /** The unread divider stands before the first message of others after this place. */
  setUnreadAfter(order: number | undefined): void {
    if (order === this.#unreadAfter) return;
    this.#unreadAfter = order;
    for (const page of this.#pages) this.#dirty(page);
  }

  items(): readonly TimelineItem[] {
    return (this.#items ??= this.#build());
  }

  #putOne(entry: HistoryEntry): void {
    if (entry.kind === "event") {
      const known = this.#orders.get(entry.record.eventId);
      if (known !== undefined && known !== entry.order) return;
      this.#orders.set(entry.record.eventId, entry.order);
      if (entry.record.transactionId !== undefined) this.#transactions.add(entry.record.transactionId);
    }
    const page = this.#pageFor(entry.order) ?? this.#newPage();
    const index = lowerBound(page.slots, entry.order);
    const old = page.slots[index];
    if (old?.entry.order === entry.order) {
      if (old.entry.kind === "event") this.#unrelate(old.entry.record);
      old.entry = entry;
      old.message = undefined;
    } else {
      page.slots.splice(index, 0, { entry, message: undefined });
      if (page.slots.length > PAGE_ENTRIES_MAX) this.#split(page);
    }
    if (entry.kind === "event") this.#relate(entry.record);
    this.#dirty(page);
  }

  #letGo(record: EventRecord): void {
    this.#orders.delete(record.eventId);
    this.#unrelate(record);
  }

  #relate(record: EventRecord): void {
    const relation = relationOf(record);
    if (!relation || relation.type === "reply" || relation.type === "thread") return;
    const related = this.#relations.get(relation.eventId) ?? [];
    related.push(record);
    related.sort((a, b) => a.sentAt - b.sentAt);
    this.#relations.set(relation.eventId, related);
    this.touch([relation.eventId]);
  }

  #unrelate(record: EventRecord): void {
    const target = relationOf(record)?.eventId;
    const related = target === undefined ? undefined : this.#relations.get(target);
    if (target === undefined || !related) return;
    const left = related.filter(({ eventId }) => eventId !== record.eventId);
    if (left.length > 0) this.#relations.set(target, left);
    else this.#relations.delete(target);
    this.touch([target]);
  }

  #touchAt(order: number): void {
    const slot = this.#slotAt(order);
    if (!slot) return;
    slot.message = undefined;
    this.#dirty(this.#pageFor(order));
  }

  #dirty(page: Page | undefined): void {
    if (page) page.carriedIn = undefined;
    this.#items = undefined;
  }

  #slotAt(order: number): Slot | undefined {
    const page = this.#pageFor(order);
    const slot = page?.slots[lowerBound(page.slots, order)];
    return slot?.entry.order === order ? slot : undefined;
  }

  /** The page in which an entry of this order is, or belongs. */
  #pageFor(order: number): Page | undefined {
    let low = 0;
    let high = this.#pages.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#pages[middle]!.slots[0]?.entry.order ?? Infinity) <= order) low = middle;
      else high = middle - 1;
    }
    return this.#pages[low];
  }

  #newPage(): Page {
    const page: Page = { slots: [], items: [], carriedIn: undefined, carriedOut: undefined };
    this.#pages.push(page);
    return page;
  }

  #split(page: Page): void {
    const later: Page = { slots: page.slots.splice(PAGE_ENTRIES_MAX / 2), items: [], carriedIn: undefined, carriedOut: undefined };
    this.#pages.splice(this.#pages.indexOf(page) + 1, 0, later);
    this.#dirty(page);
  }

  #build(): readonly TimelineItem[] {
    const parts: TimelineItem[][] = [];
    let carry = START;
    for (const page of this.#pages) {
      if (!page.carriedIn || !isSameCarry(page.carriedIn, carry)) {
        page.carriedIn = carry;
        page.items = [];
        for (const slot of page.slots) carry = this.#addItems(slot, carry, page.items);
        page.carriedOut = carry;
      }
      carry = page.carriedOut ?? carry;
      parts.push(page.items);
    }
    const tail: TimelineItem[] = [];
    for (const message of this.#outgoing) if (this.#isHere(message)) carry = addMessage(message, carry, tail);
    parts.push(tail);
    return parts.flat();
  }

  #addItems(slot: Slot, carry: Carry, items: TimelineItem[]): Carry {
    const { entry } = slot;
    if (entry.kind === "gap") {
      items.push({ type: "gap", key: `gap ${entry.order}` });
      return { ...carry, sender: "" };
    }
    const { record } = entry;
    const message = this.#messageOf(slot);
    const notice = message ? undefined : buildNotice(record, this.#context.nameOf);
    if ((!message && !notice) || (message && !this.#isHere(message))) return carry;
    let next = addDate(record.sentAt, record.eventId, carry, items);
    if (this.#unreadAfter !== undefined && !next.dividerShown && entry.order > this.#unreadAfter && record.sender !== this.#context.ownUserId) {
      items.push({ type: "unread", key: "unread" });
      next = { ...next, dividerShown: true, sender: "" };
    }
    if (message) return addMessage(message, next, items);
    items.push({ type: "notice", key: record.eventId, sentAt: record.sentAt, ...notice! });
    return { ...next, sender: "" };
  }

  #isHere(message: Message): boolean {
    return message.threadRoot === this.#thread || (this.#thread !== undefined && message.eventId === this.#thread);
  }

  #messageOf(slot: Slot): Message | undefined {
    if (slot.message) return slot.message;
    const { entry } = slot;
    if (entry.kind !== "event" || !isMessageType(entry.record) || !this.#context.isVisible(entry.record)) return undefined;
    const { eventId } = entry.record;
    const record = this.#pendingRedactions.has(eventId) ? redactRecord(entry.record, this.#context.ownUserId) : entry.record;
    slot.message = buildMessage(record, entry.order, this.related(eventId), this.#context);
    return slot.message;
  }
}

function addMessage(message: Message, before: Carry, items: TimelineItem[]): Carry {
  const carry = addDate(message.sentAt, message.id, before, items);
  const opensGroup = carry.sender !== message.sender || message.sentAt - carry.sentAt > GROUP_GAP_MS_MAX;
  items.push({ type: "message", key: message.id, message, opensGroup });
  return { ...carry, sender: message.sender, sentAt: message.sentAt };
}

function addDate(sentAt: number, key: string, carry: Carry, items: TimelineItem[]): Carry {
  const day = startOfDay(sentAt);
  if (day === carry.day) return carry;
  items.push({ type: "date", key: `date ${key}`, day });
  return { ...carry, day, sender: "" };
}

/** Midnight of the reader's own time zone. */
function startOfDay(time: number): number {
  const day = new Date(time);
  day.setHours(0, 0, 0, 0);
  return day.getTime();
}

function isSameCarry(a: Carry, b: Carry): boolean {
  return Object.is(a.day, b.day) && a.sender === b.sender && a.sentAt === b.sentAt && a.dividerShown === b.dividerShown;
}

function lowerBound(slots: readonly Slot[], order: number): number {
  let low = 0;
  let high = slots.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (slots[middle]!.entry.order < order) low = middle + 1;
    else high = middle;
  }
  return low;
}

