import { type MatrixClient, MatrixEvent, Method } from "matrix-js-sdk";
import type { CryptoBackend } from "matrix-js-sdk/lib/common-crypto/CryptoBackend";
import { applyOutcome, mayCancel, nextItems, type Outcome, outcomeOf, type QueueItem, recoverItems, retryItem } from "@/domain/send_queue";
import { Problem } from "@/domain/problem";
import { Store, type Readable } from "@/domain/store";
import type { EngineDatabase, QueueRow, Vault } from "@/platform/engine_database";
import { MediaFailure } from "@/platform/media_failure";
import { failureOf } from "./failures";
import { mayRetryMedia, mediaProblem } from "./media_problems";
import { dropLocalFile, keepLocalFile } from "./media_local";

export interface FileSender {
  /** Uploads the item's file and gives the event's content. */
  prepare(item: QueueItem, file: Blob, encrypted: boolean, progress: (done: number, total: number) => void, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>>;
}

export interface UploadProgress {
  readonly done: number;
  readonly total: number;
}

/** `id` where the sender must be able to repeat itself; the same one is one message. */
export type NewItem = Pick<QueueItem, "roomId" | "type" | "content" | "redacts" | "file"> & { readonly id?: string };

export interface SendRunnerOptions {
  readonly client: MatrixClient;
  readonly database: EngineDatabase;
  readonly vault: Vault;
  readonly files: FileSender;
  readonly random: () => number;
  readonly now: () => number;
}

/** Sends what the account has to send: written to the disk first, in order in each room, once, for as long as it takes. */
export class SendRunner {
  readonly #options: SendRunnerOptions;
  readonly #items = new Store<readonly QueueItem[]>([]);
  readonly #uploads = new Store<ReadonlyMap<string, UploadProgress>>(new Map());
  readonly #busy = new Set<string>();
  readonly #pauses = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #files = new Map<string, Blob>();
  readonly #attempts = new Set<Promise<void>>();
  readonly #aborts = new Map<string, AbortController>();
  #position = 0;
  #adding: Promise<void> = Promise.resolve();
  #running = false;
  #stopped = false;

  constructor(options: SendRunnerOptions) {
    this.#options = options;
  }

  get items(): Readable<readonly QueueItem[]> {
    return this.#items;
  }

  get uploads(): Readable<ReadonlyMap<string, UploadProgress>> {
    return this.#uploads;
  }

  /** Reads what an earlier run has left. Nothing is sent before `resume`. */
  async load(): Promise<void> {
    const rows = await this.#options.database.getAll("queue");
    const items: QueueItem[] = [];
    for (const row of rows) {
      const item = (await this.#options.vault.unseal(row.sealed)) as QueueItem | undefined;
      if (item === undefined) continue;
      items.push(item);
      if (row.file) this.#holdFile(row.id, row.file);
    }
    this.#position = items.reduce((max, { position }) => Math.max(max, position + 1), 0);
    this.#items.set(recoverItems(items));
  }

  /** A page may have died after a message had come back and before it was taken out: what the history shows is not shown again as waiting for it. */
  async settleKnown(isKnown: (roomId: string, eventId: string) => Promise<boolean>): Promise<void> {
    for (const { id, roomId, eventId } of this.#items.get()) if (eventId !== undefined && (await isKnown(roomId, eventId))) await this.settle(id);
  }

  /** The server can be reached (again): waiting ends. */
  resume(): void {
    this.#running = true;
    for (const timer of this.#pauses.values()) clearTimeout(timer);
    this.#pauses.clear();
    this.#pump();
  }

  /** Keeps what is waiting; what is on its way comes back as an answer or as unreachable. */
  suspend(): void {
    this.#running = false;
    for (const timer of this.#pauses.values()) clearTimeout(timer);
    this.#pauses.clear();
  }

  /** Ends for good; fulfilled when nothing is being written any more. The client's requests must have been aborted. */
  async stop(): Promise<void> {
    this.suspend();
    this.#stopped = true;
    await this.#adding;
    for (const abort of this.#aborts.values()) abort.abort();
    await Promise.allSettled(this.#attempts);
  }

  /** Takes a message; it is on the disk when the promise is fulfilled, and only then in `items`. */
  add(message: NewItem, file?: Blob): Promise<string> {
    // One after the other, or a later message could reach the disk and be sent before an earlier one.
    if (this.#stopped) return Promise.reject(new Error("the queue has been stopped"));
    const adding = this.#adding.then(() => this.#add(message, file));
    this.#adding = adding.then(
      () => undefined,
      () => undefined,
    );
    return adding;
  }

  async #add(message: NewItem, file?: Blob): Promise<string> {
    const id = message.id ?? `z${this.#options.now().toString(36)}.${crypto.randomUUID()}`;
    if (message.id !== undefined && this.#find(id)) return id;
    const position = this.#position++;
    const item: QueueItem = { ...message, id, position, createdAt: this.#options.now(), attempts: 0, state: "waiting" };
    if (file) this.#holdFile(id, file);
    await this.#store(item);
    this.#items.update((items) => [...items, item].sort((a, b) => a.position - b.position));
    this.#pump();
    return id;
  }

  async retry(id: string): Promise<void> {
    const item = this.#find(id);
    if (item?.state !== "failed") return;
    await this.#replace(retryItem(item, this.#position++));
    this.#pump();
  }

  /** Takes a message out. False if it may have reached the server: once its event was on its way, nobody knows before it answers. */
  async cancel(id: string): Promise<boolean> {
    const item = this.#find(id);
    if (!item || !mayCancel(item)) return false;
    this.#aborts.get(id)?.abort();
    await this.#drop(id);
    return true;
  }

  /** The event has come back with sync: the history shows it from now on. */
  async settle(id: string): Promise<void> {
    if (this.#find(id)) await this.#drop(id);
  }

  async discardRoom(roomId: string): Promise<void> {
    for (const item of this.#items.get().filter((candidate) => candidate.roomId === roomId)) {
      this.#aborts.get(item.id)?.abort();
      await this.#drop(item.id);
    }
  }

  #find(id: string): QueueItem | undefined {
    return this.#items.get().find((item) => item.id === id);
  }

  #holdFile(id: string, file: Blob): void {
    this.#files.set(id, file);
    keepLocalFile(id, file);
  }

  #pump(): void {
    if (!this.#running) return;
    const held = new Set([...this.#busy, ...this.#pauses.keys()]);
    for (const item of nextItems(this.#items.get(), held)) this.#start(item);
  }

  #start(item: QueueItem): void {
    const attempt = this.#attempt(item);
    this.#attempts.add(attempt);
    void attempt.catch((error: unknown) => console.error("the queue could not be written", error)).finally(() => this.#attempts.delete(attempt));
  }

  async #attempt(item: QueueItem): Promise<void> {
    const { roomId, id } = item;
    this.#busy.add(roomId);
    const abort = new AbortController();
    this.#aborts.set(id, abort);
    try {
      const { item: after, pauseMs } = await this.#try({ ...item, state: "sending" }, abort.signal);
      if (this.#find(id)) await this.#replace(after);
      if (pauseMs > 0) this.#pause(roomId, pauseMs);
    } finally {
      this.#aborts.delete(id);
      this.#busy.delete(roomId);
      queueMicrotask(() => this.#pump());
    }
  }

  async #try(item: QueueItem, signal: AbortSignal): Promise<{ readonly item: QueueItem; readonly pauseMs: number }> {
    const { random, now } = this.#options;
    let current = item;
    try {
      current = await this.#makeWire(item, signal);
      const eventId = await this.#put(current);
      return applyOutcome(current, { kind: "sent", eventId }, now(), random());
    } catch (error) {
      const refusal = fileRefusal(error);
      if (refusal !== undefined) return applyOutcome(current, { kind: "refused", code: refusal }, now(), random());
      const failure = failureOf(error);
      const outcome: Outcome = outcomeOf(failure.status, failure.code, failure.retryAfterMs, item.attempts, random());
      return applyOutcome(current, outcome, now(), random());
    }
  }

  /** Encrypts once and remembers it: the server must never get two different events for one message. */
  async #makeWire(item: QueueItem, signal: AbortSignal): Promise<QueueItem> {
    this.#show(item);
    if (item.wire || item.redacts !== undefined) return item;
    const { client } = this.#options;
    const room = client.getRoom(item.roomId);
    if (!room) throw new Error(`${item.roomId} is not known yet`);
    const crypto = client.getCrypto() as CryptoBackend | undefined;
    const encrypted = room.hasEncryptionStateEvent() || ((await crypto?.isEncryptionEnabledInRoom(item.roomId)) ?? false);
    const file = this.#files.get(item.id);
    const content = file ? await this.#upload(item, file, encrypted, signal) : item.content;
    let wire: NonNullable<QueueItem["wire"]> = { type: item.type, content };
    if (encrypted && item.type !== "m.reaction") {
      if (!crypto) throw new Error("the keys are not loaded yet");
      const event = new MatrixEvent({ type: item.type, content: { ...content }, room_id: item.roomId, sender: client.getSafeUserId(), event_id: `~${item.id}` });
      await crypto.encryptEvent(event, room);
      wire = { type: event.getWireType(), content: event.getWireContent() };
    }
    const made: QueueItem = { ...item, content, wire };
    if (file) this.#files.delete(item.id);
    await this.#storeAgain(made);
    this.#show(made);
    return made;
  }

  async #upload(item: QueueItem, file: Blob, encrypted: boolean, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
    const progress = (done: number, total: number) => this.#uploads.update((uploads) => new Map(uploads).set(item.id, { done, total }));
    progress(0, file.size);
    try {
      return await this.#options.files.prepare(item, file, encrypted, progress, signal);
    } finally {
      this.#uploads.update((uploads) => {
        const rest = new Map(uploads);
        rest.delete(item.id);
        return rest;
      });
    }
  }

  async #put(item: QueueItem): Promise<string> {
    const room = encodeURIComponent(item.roomId);
    const id = encodeURIComponent(item.id);
    const { http } = this.#options.client;
    if (item.redacts !== undefined) {
      const path = `/rooms/${room}/redact/${encodeURIComponent(item.redacts)}/${id}`;
      return (await http.authedRequest<{ event_id: string }>(Method.Put, path, undefined, {})).event_id;
    }
    const { type, content } = item.wire!;
    const path = `/rooms/${room}/send/${encodeURIComponent(type)}/${id}`;
    return (await http.authedRequest<{ event_id: string }>(Method.Put, path, undefined, content)).event_id;
  }

  #pause(roomId: string, pauseMs: number): void {
    if (!this.#running) return;
    const timer = setTimeout(() => {
      this.#pauses.delete(roomId);
      this.#pump();
    }, pauseMs);
    this.#pauses.set(roomId, timer);
  }

  async #replace(item: QueueItem): Promise<void> {
    await this.#storeAgain(item);
    this.#show(item);
  }

  /** As `#store`, unless the message has been taken out meanwhile: sealing takes a moment, and what is deleted must not come back for ever. */
  async #storeAgain(item: QueueItem): Promise<void> {
    const row = await this.#seal(item);
    if (this.#find(item.id)) await this.#options.database.put("queue", row);
  }

  #show(item: QueueItem): void {
    this.#items.update((items) => items.map((other) => (other.id === item.id ? item : other)).sort((a, b) => a.position - b.position));
  }

  async #store(item: QueueItem): Promise<void> {
    await this.#options.database.put("queue", await this.#seal(item));
  }

  async #seal(item: QueueItem): Promise<QueueRow> {
    const file = this.#files.get(item.id);
    return { id: item.id, roomId: item.roomId, position: item.position, sealed: await this.#options.vault.seal(item), ...(file ? { file } : {}) };
  }

  async #drop(id: string): Promise<void> {
    this.#files.delete(id);
    dropLocalFile(id);
    this.#items.update((items) => items.filter((item) => item.id !== id));
    await this.#options.database.delete("queue", id);
  }
}

/** Why a file cannot go out, if trying again would not help. */
function fileRefusal(error: unknown): string | undefined {
  if (!(error instanceof MediaFailure || error instanceof Problem) || mayRetryMedia(error)) return undefined;
  return mediaProblem(error).code;
}
