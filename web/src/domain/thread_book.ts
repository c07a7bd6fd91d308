import { type EventRecord, relationOf } from "./event_record";
import type { ThreadNote } from "./message";
import { readInteger, readList, readRecord, readToken } from "./untrusted";

const THREADS_MAX = 500;
const REPLIES_MAX = 1_000;
const ID_LENGTH_MAX = 255;

interface Thread {
  readonly roomId: string;
  readonly rootId: string;
  /** When each answer was sent, by event ID; 0 for our own, which are never unread. */
  readonly replies: Map<string, number>;
  latestAt: number;
  readAt: number;
}

export interface ThreadEntry extends ThreadNote {
  readonly rootId: string;
}

/** Which threads there are, how many answers they have and which of them were read on this device. Pure: its keeper saves it. */
export class ThreadBook {
  readonly #threads = new Map<string, Thread>();
  readonly #ownUserId: string;
  /** Answers from before this device had the account are not news. */
  #since: number;

  constructor(ownUserId: string, since: number) {
    this.#ownUserId = ownUserId;
    this.#since = since;
  }

  of(rootId: string): ThreadNote | undefined {
    const thread = this.#threads.get(rootId);
    return thread && thread.replies.size > 0 ? this.#note(thread) : undefined;
  }

  /** The threads of a room, the one with the newest answer first. */
  list(roomId: string): readonly ThreadEntry[] {
    const threads = [...this.#threads.values()].filter((thread) => thread.roomId === roomId && thread.replies.size > 0);
    return threads.sort((a, b) => b.latestAt - a.latestAt).map((thread) => ({ rootId: thread.rootId, ...this.#note(thread) }));
  }

  /** Gives the root of the thread that the event has changed. */
  take(record: EventRecord): string | undefined {
    if (record.redactedBy !== undefined || record.gone) return this.#remove(record.eventId);
    const relation = relationOf(record);
    if (relation?.type !== "thread" || record.stateKey !== undefined) return undefined;
    const thread = this.#threads.get(relation.eventId) ?? this.#add(record.roomId, relation.eventId);
    if (thread.roomId !== record.roomId || thread.replies.has(record.eventId) || thread.replies.size >= REPLIES_MAX) return undefined;
    const isOwn = record.sender === this.#ownUserId;
    thread.replies.set(record.eventId, isOwn ? 0 : record.sentAt);
    thread.latestAt = Math.max(thread.latestAt, record.sentAt);
    return relation.eventId;
  }

  /** Everything in it was seen; true if that is news. */
  read(rootId: string): boolean {
    const thread = this.#threads.get(rootId);
    if (!thread || this.#note(thread).unread === 0) return false;
    thread.readAt = thread.latestAt;
    return true;
  }

  save(): unknown {
    const threads = [...this.#threads.values()].map(({ roomId, rootId, replies, latestAt, readAt }) => ({ roomId, rootId, latestAt, readAt, replies: [...replies] }));
    return { since: this.#since, threads };
  }

  load(saved: unknown): void {
    const record = readRecord(saved);
    this.#since = readInteger(record, "since", 0, Number.MAX_SAFE_INTEGER) ?? this.#since;
    for (const each of readList(record, "threads", THREADS_MAX)) {
      const kept = readRecord(each);
      const roomId = readToken(kept, "roomId", ID_LENGTH_MAX);
      const rootId = readToken(kept, "rootId", ID_LENGTH_MAX);
      if (roomId === undefined || rootId === undefined || this.#threads.has(rootId)) continue;
      const thread = this.#add(roomId, rootId);
      thread.latestAt = readInteger(kept, "latestAt", 0, Number.MAX_SAFE_INTEGER) ?? 0;
      thread.readAt = readInteger(kept, "readAt", 0, Number.MAX_SAFE_INTEGER) ?? 0;
      for (const pair of readList(kept, "replies", REPLIES_MAX)) if (Array.isArray(pair) && typeof pair[0] === "string" && typeof pair[1] === "number") thread.replies.set(pair[0], pair[1]);
    }
  }

  #note({ replies, latestAt, readAt }: Thread): ThreadNote {
    const seen = Math.max(readAt, this.#since);
    let unread = 0;
    for (const sentAt of replies.values()) if (sentAt > seen) unread += 1;
    return { count: replies.size, unread, latestAt };
  }

  #add(roomId: string, rootId: string): Thread {
    const thread: Thread = { roomId, rootId, replies: new Map(), latestAt: 0, readAt: 0 };
    this.#threads.set(rootId, thread);
    if (this.#threads.size > THREADS_MAX) this.#threads.delete([...this.#threads.values()].reduce((oldest, each) => (each !== thread && each.latestAt < oldest.latestAt ? each : oldest), [...this.#threads.values()][0]!).rootId);
    return thread;
  }

  #remove(eventId: string): string | undefined {
    for (const thread of this.#threads.values()) if (thread.replies.delete(eventId)) return thread.rootId;
    return undefined;
  }
}
