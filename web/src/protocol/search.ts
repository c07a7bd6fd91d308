import type { SearchFilters } from "@/domain/engine";
import type { EventRecord, HistoryEntry } from "@/domain/event_record";
import { relationOf } from "@/domain/event_record";
import type { Message } from "@/domain/message";
import { bodyOf, buildMessage, isMessageType, type MessageContext } from "@/domain/message_builder";
import { containsPhrase, highlight } from "@/domain/search/search_highlight";
import { SearchIndex } from "@/domain/search/search_index";
import { parseQuery } from "@/domain/search/search_query";
import { packSegment, unpackSegment } from "@/domain/search/search_record";
import { searchableText } from "@/domain/search/searchable_text";
import { readChild } from "@/domain/untrusted";
import type { EngineDatabase, Sealed } from "@/platform/engine_database";
import type { IdleWork } from "@/platform/idle_work";
import type { Account } from "./account";

const SAVE_DELAY_MS = 5_000;
/** The index is read when it is first needed, at the latest so long after something is to be added: not while the app starts. */
const LOAD_DELAY_MS = 3_000;
const SEGMENT_PREFIX = "search:";
/** There while the disk may know less than the archive. */
const OPEN_MARK = "search-open";
const CATCH_UP_ENTRIES = 200;
const HITS_MAX = 100;
const FURTHER_PAGE = 100;
const FURTHER_PAGES = 5;

/** The search index of this device's history: fed with all that is read, encrypted at rest like the history itself. */
export class HistorySearch {
  readonly #account: Account;
  readonly #contextOf: (roomId: string) => MessageContext;
  readonly #idle: IdleWork;
  readonly #index = new SearchIndex();
  #waiting: EventRecord[] = [];
  /** Messages that are gone: an edit of one that comes later says nothing. */
  readonly #gone = new Set<string>();
  #loaded: Promise<void> | undefined;
  #isReady = false;
  #isMarked = false;
  /** Whether the last run ended before its index was written. */
  #wasOpen: Promise<boolean> | undefined;
  #loadTimer: ReturnType<typeof setTimeout> | undefined;
  #saveTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(account: Account, contextOf: (roomId: string) => MessageContext, idle: IdleWork) {
    this.#account = account;
    this.#contextOf = contextOf;
    this.#idle = idle;
  }

  take(entries: readonly HistoryEntry[]): void {
    for (const entry of entries) if (entry.kind === "event" && mayMatter(entry.record)) this.#waiting.push(entry.record);
    if (this.#waiting.length === 0) return;
    if (!this.#isMarked) this.#mark();
    if (this.#isReady) this.#indexWaiting();
    else this.#loadTimer ??= setTimeout(() => void this.#load().catch(() => undefined), LOAD_DELAY_MS);
  }

  /** Newest first. */
  async search(words: string, filters: SearchFilters = {}): Promise<readonly Message[]> {
    await this.#load();
    await this.#idle.done();
    const query = parseQuery(words, filters);
    const messages: Message[] = [];
    for (const { roomId, eventId } of this.#index.search(query, HITS_MAX)) {
      const message = await this.#messageOf(roomId, eventId);
      // What was found must be in the message as it is now, and as its own sender edited it.
      if (message && highlight(searchableText(message.body), query).length > 0 && query.phrases.every((phrase) => containsPhrase(searchableText(message.body), phrase))) messages.push(message);
    }
    return messages;
  }

  /** Loads older history of a room, and with that indexes it; tells how many events were found and how old the oldest is. False once there is no more. */
  async loadFurther(roomId: string, found: (count: number, oldestAt: number) => void): Promise<boolean> {
    const { archive, histories } = this.#account;
    const history = histories.of(roomId);
    let count = 0;
    for (let page = 0; page < FURTHER_PAGES; page += 1) {
      const [first] = await archive.from(roomId, -Infinity, 1);
      if (first?.kind !== "gap") return false;
      const [following] = await archive.from(roomId, first.order + 1, 1);
      const entries = await history.before(following?.order ?? Infinity, FURTHER_PAGE);
      const events = entries.flatMap((entry) => (entry.kind === "event" ? [entry.record] : []));
      if (events.length === 0) return false;
      count += events.length;
      found(count, events[0]!.sentAt);
    }
    return (await archive.from(roomId, -Infinity, 1))[0]?.kind === "gap";
  }

  forgetRoom(roomId: string): void {
    void this.#load().then(() => {
      this.#index.removeRoom(roomId);
      this.#saveSoon();
    });
  }

  async close(): Promise<void> {
    clearTimeout(this.#loadTimer);
    // What was never indexed is found again at the next start: the mark stays.
    if (this.#loaded) await this.flush();
  }

  /** Writes what was added; the index is complete on the disk then. */
  async flush(): Promise<void> {
    clearTimeout(this.#saveTimer);
    this.#saveTimer = undefined;
    await this.#load();
    this.#indexWaiting();
    await this.#idle.done();
    const { write, remove } = this.#index.takeChanges();
    const { database, vault } = this.#account;
    for (const segment of write) await database.put("values", await vault.seal(packSegment(segment)), SEGMENT_PREFIX + segment.id);
    for (const id of remove) await database.delete("values", SEGMENT_PREFIX + id);
    if (this.#waiting.length > 0) return;
    await database.delete("values", OPEN_MARK);
    this.#isMarked = false;
  }

  async #messageOf(roomId: string, eventId: string): Promise<Message | undefined> {
    const { histories, archive } = this.#account;
    const context = this.#contextOf(roomId);
    const record = await histories.of(roomId).find(eventId);
    if (!record || record.redactedBy !== undefined || !context.isVisible(record)) return undefined;
    const related = (await archive.related(roomId, eventId)).flatMap((entry) => (entry.kind === "event" ? [entry.record] : []));
    return buildMessage(record, (await histories.of(roomId).orderOf(eventId)) ?? -Infinity, related, context);
  }

  #indexWaiting(): void {
    const records = this.#waiting;
    this.#waiting = [];
    for (const record of records) this.#idle.add(() => this.#takeRecord(record));
    if (records.length > 0) this.#saveSoon();
  }

  #saveSoon(): void {
    this.#saveTimer ??= setTimeout(() => void this.flush().catch(() => undefined), SAVE_DELAY_MS);
  }

  #takeRecord(record: EventRecord): void {
    if (record.redactedBy !== undefined || record.gone) {
      this.#gone.add(record.eventId);
      return this.#index.remove(record.eventId);
    }
    const relation = relationOf(record);
    const isEdit = relation?.type === "edit";
    const target = isEdit ? relation.eventId : record.eventId;
    if (this.#gone.has(target)) return;
    const content = isEdit ? readChild(record.content, "m.new_content") : record.content;
    const text = searchableText(bodyOf({ ...record, content: content ?? {} }));
    if (text !== "") this.#index.add({ eventId: target, roomId: record.roomId, sender: record.sender, sentAt: record.sentAt, text });
  }

  /** Asked before it is set anew. */
  #askMark(): Promise<boolean> {
    this.#wasOpen ??= this.#account.database.get("values", OPEN_MARK).then((mark) => mark !== undefined);
    return this.#wasOpen;
  }

  #mark(): void {
    this.#isMarked = true;
    void this.#askMark().then(() => this.#account.database.put("values", true, OPEN_MARK)).catch(() => undefined);
  }

  #load(): Promise<void> {
    this.#loaded ??= this.#readIndex().then(() => {
      this.#isReady = true;
      this.#indexWaiting();
    });
    return this.#loaded;
  }

  async #readIndex(): Promise<void> {
    const { database, vault } = this.#account;
    const wasOpen = await this.#askMark();
    for (const key of await segmentKeys(database)) {
      const sealed = (await database.get("values", key)) as Sealed | undefined;
      if (sealed) this.#index.load(unpackSegment(await vault.unseal(sealed)));
    }
    if (wasOpen) await this.#catchUp();
  }

  /** The last run ended before its index was written: what is newest in each room is looked at again. */
  async #catchUp(): Promise<void> {
    const { archive } = this.#account;
    for (const roomId of await archive.rooms()) {
      for (const entry of await archive.before(roomId, Infinity, CATCH_UP_ENTRIES)) {
        if (entry.kind === "event" && mayMatter(entry.record) && !this.#index.has(entry.record.eventId)) this.#idle.add(() => this.#takeRecord(entry.record));
      }
    }
    this.#saveSoon();
  }
}

/** What has words, had words, or changes words. */
function mayMatter(record: EventRecord): boolean {
  if (record.redactedBy !== undefined || record.gone) return true;
  return !record.undecryptable && (isMessageType(record) || relationOf(record)?.type === "edit");
}

async function segmentKeys(database: EngineDatabase): Promise<readonly string[]> {
  return database.getAllKeys("values", IDBKeyRange.bound(SEGMENT_PREFIX, `${SEGMENT_PREFIX}\uffff`));
}
