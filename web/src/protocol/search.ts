import type { SearchFilters } from "@/domain/engine";
import type { EventRecord, HistoryEntry } from "@/domain/event_record";
import { relationOf } from "@/domain/event_record";
import type { Message } from "@/domain/message";
import { bodyOf, buildMessage, isMessageType, type MessageContext } from "@/domain/message_builder";
import { richTextToPlain } from "@/domain/rich_text_plain";
import { SearchIndex } from "@/domain/search/search_index";
import { parseQuery } from "@/domain/search/search_query";
import { readChild } from "@/domain/untrusted";
import type { EngineDatabase, Sealed } from "@/platform/engine_database";
import type { Account } from "./account";

const SAVE_DELAY_MS = 5_000;
const SEGMENT_PREFIX = "search:";
const HITS_MAX = 100;

/** The search index of this device's history: fed with all that is read, encrypted at rest like the history itself. */
export class HistorySearch {
  readonly #account: Account;
  readonly #contextOf: (roomId: string) => MessageContext;
  readonly #index = new SearchIndex();
  #loaded: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(account: Account, contextOf: (roomId: string) => MessageContext) {
    this.#account = account;
    this.#contextOf = contextOf;
  }

  /** Reads the index of the last time; nothing is searched or written before. */
  load(): Promise<void> {
    this.#loaded ??= this.#load();
    return this.#loaded;
  }

  take(entries: readonly HistoryEntry[]): void {
    void this.load().then(() => {
      for (const entry of entries) if (entry.kind === "event") this.#takeRecord(entry.record);
      this.#timer ??= setTimeout(() => void this.flush().catch(() => undefined), SAVE_DELAY_MS);
    });
  }

  async search(words: string, filters: SearchFilters = {}): Promise<readonly Message[]> {
    await this.load();
    const query = parseQuery(words, filters);
    const messages: Message[] = [];
    for (const { roomId, eventId } of this.#index.search(query, HITS_MAX)) {
      const record = await this.#account.histories.of(roomId).find(eventId);
      const context = this.#contextOf(roomId);
      if (!record || !context.isVisible(record)) continue;
      const related = (await this.#account.archive.related(roomId, eventId)).flatMap((entry) => (entry.kind === "event" ? [entry.record] : []));
      messages.push(buildMessage(record, (await this.#account.histories.of(roomId).orderOf(eventId)) ?? -Infinity, related, context));
    }
    return messages;
  }

  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { write, remove } = this.#index.takeChanges();
    const { database, vault } = this.#account;
    for (const segment of write) await database.put("values", await vault.seal(segment), SEGMENT_PREFIX + segment.id);
    for (const id of remove) await database.delete("values", SEGMENT_PREFIX + id);
  }

  #takeRecord(record: EventRecord): void {
    if (record.redactedBy !== undefined || record.gone) return this.#index.remove(record.eventId);
    const relation = relationOf(record);
    const isEdit = relation?.type === "edit";
    if ((!isMessageType(record) && !isEdit) || record.undecryptable) return;
    const target = isEdit ? relation.eventId : record.eventId;
    const content = isEdit ? readChild(record.content, "m.new_content") : record.content;
    const text = textOf({ ...record, content: content ?? {} });
    if (text !== "") this.#index.add({ eventId: target, roomId: record.roomId, sender: record.sender, sentAt: record.sentAt, text });
  }

  async #load(): Promise<void> {
    const { database, vault } = this.#account;
    for (const key of await segmentKeys(database)) {
      const sealed = (await database.get("values", key)) as Sealed | undefined;
      if (sealed) this.#index.load(await vault.unseal(sealed));
    }
  }
}

async function segmentKeys(database: EngineDatabase): Promise<readonly string[]> {
  return database.getAllKeys("values", IDBKeyRange.bound(SEGMENT_PREFIX, `${SEGMENT_PREFIX}\uffff`));
}

function textOf(record: EventRecord): string {
  const body = bodyOf(record);
  switch (body.kind) {
    case "text":
      return body.text;
    case "image":
    case "video":
    case "file":
      return `${body.name} ${body.caption ? richTextToPlain(body.caption) : ""}`;
    case "poll":
      return [body.question, ...body.answers.map(({ text }) => text)].join(" ");
    case "location":
      return body.label;
    case "contact":
      return body.name;
    default:
      return "";
  }
}
