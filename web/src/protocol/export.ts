import type { MatrixClient } from "matrix-js-sdk";
import type { ChatSummary } from "@/domain/engine";
import type { EventRecord } from "@/domain/event_record";
import { relationOf } from "@/domain/event_record";
import { EXPORT_FORMAT, EXPORT_VERSION, eventLine, type ExportProgress, type ExportRequest, type ExportResult, folderName, mediaName, mediaOf } from "@/domain/export";
import { indexHtml, messageHtml, noteHtml, PAGE_END, pageStart } from "@/domain/export_html";
import { ZipWriter } from "@/domain/export_zip";
import { buildMessage, isMessageType, type MessageContext } from "@/domain/message_builder";
import type { Account } from "./account";
import { ask } from "./failures";

const PAGE_ENTRIES = 200;
/** Text collected before it becomes a Blob, which the browser may keep on disk. */
const TEXT_LENGTH_MAX = 1_000_000;

export interface ExportParts {
  readonly account: Account;
  readonly chats: () => readonly ChatSummary[];
  readonly contextOf: (roomId: string) => MessageContext;
  readonly blocked: () => readonly string[];
  readonly devices: () => Promise<readonly object[]>;
}

/** Grows without ever being one long string. */
class TextFile {
  readonly #parts: Blob[] = [];
  #text = "";

  add(text: string): void {
    this.#text += text;
    if (this.#text.length > TEXT_LENGTH_MAX) this.#cut();
  }

  blob(): Blob {
    this.#cut();
    return new Blob(this.#parts);
  }

  #cut(): void {
    if (this.#text !== "") this.#parts.push(new Blob([this.#text]));
    this.#text = "";
  }
}

/** Writes all of an account into one ZIP file, chat by chat. It waits between pages, so that the app goes on. */
export class Exporter {
  readonly #parts: ExportParts;
  readonly #request: ExportRequest;
  readonly #zip: ZipWriter;
  #progress: ExportProgress;
  #missingFiles = 0;
  #incompleteChats = 0;

  constructor(parts: ExportParts, request: ExportRequest) {
    this.#parts = parts;
    this.#request = request;
    this.#zip = new ZipWriter((part) => request.write(part), new Date(parts.account.now()));
    this.#progress = { chatsDone: 0, chatsTotal: 0, chatName: "", messages: 0, files: 0, bytes: 0 };
  }

  async run(): Promise<ExportResult> {
    const chats = this.#parts.chats().filter(({ membership }) => membership === "join");
    this.#tell({ chatsTotal: chats.length });
    await this.#addText("account.json", JSON.stringify(await this.#account(), undefined, 2));
    const written: { folder: string; name: string; messages: number }[] = [];
    for (const [at, chat] of chats.entries()) {
      this.#request.signal.throwIfAborted();
      this.#tell({ chatName: chat.name });
      const folder = folderName(at + 1, chat.name);
      written.push({ folder, name: chat.name, messages: await this.#chat(chat, folder) });
      this.#tell({ chatsDone: at + 1 });
    }
    await this.#addText("index.html", indexHtml(written, this.#request.texts));
    await this.#zip.finish();
    this.#tell({ bytes: this.#zip.bytes });
    return { ...this.#progress, missingFiles: this.#missingFiles, incompleteChats: this.#incompleteChats };
  }

  async #account(): Promise<object> {
    const { client, userId, now } = this.#parts.account;
    const [profile, devices] = await Promise.all([ask(client.getProfileInfo(userId)), this.#parts.devices()]);
    const data = [...client.store.accountData.values()].map((event) => ({ type: event.getType(), content: event.getContent() }));
    const contacts = this.#parts.chats().flatMap(({ peer }) => (peer ? [{ user_id: peer.userId, name: peer.name, trust: peer.trust }] : []));
    return { format: EXPORT_FORMAT, version: EXPORT_VERSION, user_id: userId, homeserver: client.getHomeserverUrl(), exported_at: now(), profile, devices, contacts, blocked: this.#parts.blocked(), account_data: data };
  }

  async #chat(chat: ChatSummary, folder: string): Promise<number> {
    const { texts, signal } = this.#request;
    const { records, isComplete } = await this.#read(chat.roomId);
    if (!isComplete) this.#incompleteChats += 1;
    const events = new TextFile();
    const page = new TextFile();
    page.add(pageStart(chat.name, texts));
    if (!isComplete) page.add(noteHtml(texts.incomplete));
    const related = groupRelated(records);
    const context = this.#parts.contextOf(chat.roomId);
    const files: Record<string, string> = {};
    let messages = 0;
    for (const [at, record] of records.entries()) {
      if (at % PAGE_ENTRIES === 0) await pause(signal);
      if (record.gone) continue;
      events.add(eventLine(record));
      if (!isMessageType(record) || !context.isVisible(record)) continue;
      const message = buildMessage(record, at, related.get(record.eventId) ?? [], context);
      const media = this.#request.includesMedia ? mediaOf(message) : undefined;
      const path = media === undefined ? undefined : (files[media.source.mxc] ?? (await this.#media(folder, media, Object.keys(files).length + 1)));
      if (media !== undefined && path) files[media.source.mxc] = path;
      page.add(messageHtml(message, texts, path));
      messages += 1;
      this.#tell({ messages: this.#progress.messages + 1, bytes: this.#zip.bytes });
    }
    page.add(PAGE_END);
    await this.#zip.add(`${folder}/events.jsonl`, events.blob(), signal);
    await this.#zip.add(`${folder}/chat.html`, page.blob(), signal);
    await this.#addText(`${folder}/chat.json`, JSON.stringify({ ...describeRoom(this.#parts.account.client, chat), complete: isComplete, media: files }, undefined, 2));
    return messages;
  }

  /** The whole history, oldest first; `isComplete` says whether nothing older is left at the server. */
  async #read(roomId: string): Promise<{ readonly records: readonly EventRecord[]; readonly isComplete: boolean }> {
    const { histories, archive } = this.#parts.account;
    const history = histories.of(roomId);
    const pages: EventRecord[][] = [];
    let isComplete = true;
    let order = Infinity;
    for (;;) {
      await pause(this.#request.signal);
      const entries = await (this.#request.includesOlder ? history.before(order, PAGE_ENTRIES) : archive.before(roomId, order, PAGE_ENTRIES));
      const [first] = entries;
      if (first === undefined) break;
      if (entries.some(({ kind }) => kind === "gap")) isComplete = false;
      pages.push(entries.flatMap((entry) => (entry.kind === "event" ? [entry.record] : [])));
      // A gap that cannot be filled comes back alone: what lies behind it is read from this device.
      order = first.order;
    }
    return { records: pages.toReversed().flat(), isComplete };
  }

  async #media(folder: string, media: NonNullable<ReturnType<typeof mediaOf>>, number: number): Promise<string | null> {
    const { signal } = this.#request;
    try {
      const { blob, mimeType } = await this.#request.loadMedia(media.source, signal);
      const path = `media/${mediaName(number, media.name, mimeType)}`;
      await this.#zip.add(`${folder}/${path}`, blob, signal);
      this.#tell({ files: this.#progress.files + 1, bytes: this.#zip.bytes });
      return path;
    } catch {
      signal.throwIfAborted();
      this.#missingFiles += 1;
      return null;
    }
  }

  async #addText(name: string, text: string): Promise<void> {
    await this.#zip.add(name, new Blob([text]), this.#request.signal);
  }

  #tell(change: Partial<ExportProgress>): void {
    this.#progress = { ...this.#progress, ...change };
    this.#request.onProgress(this.#progress);
  }
}

function groupRelated(records: readonly EventRecord[]): ReadonlyMap<string, readonly EventRecord[]> {
  const groups = new Map<string, EventRecord[]>();
  for (const record of records) {
    const relation = relationOf(record);
    if (relation?.eventId === undefined || relation.type === "reply") continue;
    const group = groups.get(relation.eventId) ?? [];
    group.push(record);
    groups.set(relation.eventId, group);
  }
  return groups;
}

function describeRoom(client: MatrixClient, chat: ChatSummary): object {
  const members = (client.getRoom(chat.roomId)?.getMembers() ?? []).map(({ userId, rawDisplayName, membership, powerLevel }) => ({ user_id: userId, name: rawDisplayName, membership, power_level: powerLevel }));
  return { room_id: chat.roomId, name: chat.name, kind: chat.kind, encrypted: chat.encrypted, disappear_after_s: chat.disappearAfterS, members };
}

/** Lets the page draw and take clicks. */
async function pause(signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise((resolve) => setTimeout(resolve));
}
