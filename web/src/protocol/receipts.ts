import type { MatrixClient } from "matrix-js-sdk";
import { readChild, readField, readInteger, readRecord } from "@/domain/untrusted";
import type { SavedValues } from "./saved_values";

export type MarkKind = "read" | "delivered";

interface Mark {
  readonly eventId: string;
  readonly ts: number;
}

type RoomMarks = { readonly [kind in MarkKind]: Map<string, Mark> };
type SavedMarks = Record<string, { readonly [kind in MarkKind]: Record<string, Mark> }>;

const SAVED_NAME = "receipts";
const USERS_MAX = 1_000;

/** How far everybody has received and read each room: the newest receipt of each person, and Zajil's delivered signal. */
export class ReceiptMarks {
  readonly #client: MatrixClient;
  readonly #values: SavedValues;
  readonly #rooms = new Map<string, RoomMarks>();
  readonly #listeners = new Set<(roomId: string) => void>();

  constructor(client: MatrixClient, values: SavedValues) {
    this.#client = client;
    this.#values = values;
  }

  listen(listener: (roomId: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async load(): Promise<void> {
    const saved = (await this.#values.load(SAVED_NAME)) as SavedMarks | undefined;
    for (const [roomId, marks] of Object.entries(saved ?? {})) {
      this.#rooms.set(roomId, { read: new Map(Object.entries(marks.read)), delivered: new Map(Object.entries(marks.delivered)) });
    }
  }

  /** Each person's mark; our own reading is among them. */
  marks(roomId: string, kind: MarkKind): ReadonlyMap<string, Mark> {
    return this.#of(roomId)[kind];
  }

  /** The content of an `m.receipt` event. */
  acceptReceipts(roomId: string, content: unknown): void {
    let changed = false;
    for (const [eventId, value] of Object.entries(readRecord(content) ?? {})) {
      const types = readRecord(value);
      for (const type of ["m.read", "m.read.private"]) {
        for (const [userId, receipt] of Object.entries(readChild(types, type) ?? {})) {
          // How far we have read in a thread says nothing about the chat.
          if (userId === this.#client.getUserId() && (readField(readRecord(receipt), "thread_id") ?? "main") !== "main") continue;
          const ts = readInteger(readRecord(receipt), "ts", 0, Number.MAX_SAFE_INTEGER) ?? 0;
          changed = this.#set(roomId, "read", userId, { eventId, ts }) || changed;
        }
      }
    }
    if (changed) this.#tell(roomId);
  }

  /** The content of an `org.zajil.delivered` event. */
  acceptDelivered(roomId: string, content: unknown): void {
    let changed = false;
    for (const [userId, value] of Object.entries(readRecord(content) ?? {})) {
      const mark = readRecord(value);
      const eventId = readField(mark, "event_id");
      const ts = readInteger(mark, "ts", 0, Number.MAX_SAFE_INTEGER) ?? 0;
      if (typeof eventId === "string" && userId !== this.#client.getUserId()) changed = this.#set(roomId, "delivered", userId, { eventId, ts }) || changed;
    }
    if (changed) this.#tell(roomId);
  }

  /** Our own receipt, which the server does not tell us before the next sync. */
  note(roomId: string, userId: string, eventId: string, ts: number): void {
    if (this.#set(roomId, "read", userId, { eventId, ts })) this.#tell(roomId);
  }

  #tell(roomId: string): void {
    this.#save();
    for (const listener of this.#listeners) listener(roomId);
  }

  #set(roomId: string, kind: MarkKind, userId: string, mark: Mark): boolean {
    const marks = this.#of(roomId)[kind];
    const known = marks.get(userId);
    if (known && (known.eventId === mark.eventId || known.ts > mark.ts)) return false;
    if (!known && marks.size >= USERS_MAX) return false;
    marks.set(userId, mark);
    return true;
  }

  #of(roomId: string): RoomMarks {
    let marks = this.#rooms.get(roomId);
    if (!marks) this.#rooms.set(roomId, (marks = { read: new Map(), delivered: new Map() }));
    return marks;
  }

  #save(): void {
    const saved: SavedMarks = {};
    for (const [roomId, { read, delivered }] of this.#rooms) saved[roomId] = { read: Object.fromEntries(read), delivered: Object.fromEntries(delivered) };
    this.#values.save(SAVED_NAME, saved);
  }
}
