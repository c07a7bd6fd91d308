import { type EventRecord, relationOf } from "./event_record";
import type { ThreadNote } from "./message";
import { readInteger, readList, readRecord, readToken } from "./untrusted";

const THREADS_MAX = 500;
const REPLIES_MAX = 1_000;
const ID_LENGTH_MAX = 255;
const TIME_MAX = Number.MAX_SAFE_INTEGER;

interface Answer {
  readonly sentAt: number;
  /** Our own are never unread. */
  readonly isOwn: boolean;
}

interface Thread {
  readonly roomId: string;
  readonly rootId: string;
  /** By event ID. */
  readonly answers: Map<string, Answer>;
  latestAt: number;
  /** When the newest answer that was seen was sent, here or on another device; 0 before any was. */
  readAt: number;
  /** Seen on another device, but not known here yet. */
  awaited?: string;
  /** What the server said of it: answers up to that time. */
  told?: { readonly count: number; readonly at: number };
}

export interface ThreadEntry extends ThreadNote {
  readonly rootId: string;
  /** The newest answer; absent when all that are known here were deleted. */
  readonly latestId?: string;
}

/** Which threads there are, how many answers they have and which of them were read. Pure: its keeper saves it. */
export class ThreadBook {
  readonly #threads = new Map<string, Thread>();
  readonly #ownUserId: string;
  /** Answers from before this device had the account are not news, unless another device has left off before them. */
  #since: number;

  constructor(ownUserId: string, since: number) {
    this.#ownUserId = ownUserId;
    this.#since = since;
  }

  of(rootId: string): ThreadNote | undefined {
    const thread = this.#threads.get(rootId);
    return thread && hasAnswers(thread) ? this.#note(thread) : undefined;
  }

  /** The threads of a room, the one with the newest answer first. */
  list(roomId: string): readonly ThreadEntry[] {
    const threads = [...this.#threads.values()].filter((thread) => thread.roomId === roomId && hasAnswers(thread));
    return threads.sort((a, b) => b.latestAt - a.latestAt).map((thread) => {
      const latestId = latestOf(thread);
      return { rootId: thread.rootId, ...this.#note(thread), ...(latestId === undefined ? {} : { latestId }) };
    });
  }

  /** Gives the root of the thread that the event has changed. */
  take(record: EventRecord): string | undefined {
    if (record.redactedBy !== undefined || record.gone) return this.#remove(record.eventId);
    const relation = relationOf(record);
    if (relation?.type !== "thread" || record.stateKey !== undefined) return undefined;
    const thread = this.#of(record.roomId, relation.eventId);
    if (thread === undefined || !this.#addAnswer(thread, record)) return undefined;
    return relation.eventId;
  }

  /** A thread from the server's list, with its newest answer; gives whether that is news. */
  takeListed(roomId: string, rootId: string, count: number, latest: EventRecord): boolean {
    const thread = this.#of(roomId, rootId);
    if (thread === undefined) return false;
    const isSame = thread.told?.count === count && thread.told.at === latest.sentAt;
    thread.told = { count, at: latest.sentAt };
    return this.#addAnswer(thread, latest) || !isSame;
  }

  /** Everything in it was seen; true if that is news. */
  read(rootId: string): boolean {
    const thread = this.#threads.get(rootId);
    if (!thread || this.#note(thread).unread === 0) return false;
    thread.readAt = thread.latestAt;
    return true;
  }

  /** Another device has seen it up to this answer; true if that is news. */
  readElsewhere(roomId: string, rootId: string, eventId: string): boolean {
    const thread = this.#of(roomId, rootId);
    if (thread === undefined || thread.awaited === eventId) return false;
    const answer = thread.answers.get(eventId);
    if (!answer) {
      thread.awaited = eventId;
      return true;
    }
    if (answer.sentAt <= thread.readAt) return false;
    thread.readAt = answer.sentAt;
    return true;
  }

  save(): unknown {
    const threads = [...this.#threads.values()].map(({ answers, ...thread }) => ({ ...thread, replies: [...answers].map(([eventId, { sentAt, isOwn }]) => [eventId, sentAt, isOwn ? 1 : 0]) }));
    return { since: this.#since, threads };
  }

  load(saved: unknown): void {
    const record = readRecord(saved);
    this.#since = readInteger(record, "since", 0, TIME_MAX) ?? this.#since;
    for (const each of readList(record, "threads", THREADS_MAX)) {
      const kept = readRecord(each);
      const roomId = readToken(kept, "roomId", ID_LENGTH_MAX);
      const rootId = readToken(kept, "rootId", ID_LENGTH_MAX);
      if (roomId === undefined || rootId === undefined || this.#threads.has(rootId)) continue;
      const thread = this.#add(roomId, rootId);
      thread.latestAt = readInteger(kept, "latestAt", 0, TIME_MAX) ?? 0;
      thread.readAt = readInteger(kept, "readAt", 0, TIME_MAX) ?? 0;
      const awaited = readToken(kept, "awaited", ID_LENGTH_MAX);
      if (awaited !== undefined) thread.awaited = awaited;
      const told = readRecord(kept?.["told"]);
      const [count, at] = [readInteger(told, "count", 0, TIME_MAX), readInteger(told, "at", 0, TIME_MAX)];
      if (count !== undefined && at !== undefined) thread.told = { count, at };
      for (const [eventId, answer] of readList(kept, "replies", REPLIES_MAX).flatMap(readAnswer)) thread.answers.set(eventId, answer);
    }
  }

  #note(thread: Thread): ThreadNote {
    const { answers, latestAt, readAt, told } = thread;
    // Where a device has left off counts; before any has, what came before this one is old.
    const seen = readAt > 0 ? readAt : this.#since;
    let unread = 0;
    let newer = 0;
    for (const { sentAt, isOwn } of answers.values()) {
      if (!isOwn && sentAt > seen) unread += 1;
      if (told && sentAt > told.at) newer += 1;
    }
    return { count: Math.max(answers.size, told ? told.count + newer : 0), unread, latestAt };
  }

  #of(roomId: string, rootId: string): Thread | undefined {
    const thread = this.#threads.get(rootId) ?? this.#add(roomId, rootId);
    return thread.roomId === roomId ? thread : undefined;
  }

  #addAnswer(thread: Thread, { eventId, sender, sentAt }: EventRecord): boolean {
    if (thread.answers.has(eventId) || thread.answers.size >= REPLIES_MAX) return false;
    const isOwn = sender === this.#ownUserId;
    thread.answers.set(eventId, { sentAt, isOwn });
    thread.latestAt = Math.max(thread.latestAt, sentAt);
    // Who answers, from whatever device, has seen what was said before.
    if (thread.awaited === eventId || (isOwn && sentAt > this.#since)) thread.readAt = Math.max(thread.readAt, sentAt);
    if (thread.awaited === eventId) delete thread.awaited;
    return true;
  }

  #add(roomId: string, rootId: string): Thread {
    const thread: Thread = { roomId, rootId, answers: new Map(), latestAt: 0, readAt: 0 };
    this.#threads.set(rootId, thread);
    if (this.#threads.size > THREADS_MAX) this.#threads.delete([...this.#threads.values()].reduce((oldest, each) => (each !== thread && each.latestAt < oldest.latestAt ? each : oldest), [...this.#threads.values()][0]!).rootId);
    return thread;
  }

  #remove(eventId: string): string | undefined {
    for (const thread of this.#threads.values()) {
      const answer = thread.answers.get(eventId);
      if (!answer) continue;
      thread.answers.delete(eventId);
      if (thread.told && answer.sentAt <= thread.told.at) thread.told = { ...thread.told, count: Math.max(0, thread.told.count - 1) };
      return thread.rootId;
    }
    return undefined;
  }
}

function hasAnswers({ answers, told }: Thread): boolean {
  return answers.size > 0 || (told?.count ?? 0) > 0;
}

function latestOf({ answers }: Thread): string | undefined {
  let latest: readonly [string, Answer] | undefined;
  for (const each of answers) if (!latest || each[1].sentAt >= latest[1].sentAt) latest = each;
  return latest?.[0];
}

function readAnswer(saved: unknown): (readonly [string, Answer])[] {
  if (!Array.isArray(saved)) return [];
  const [eventId, sentAt, own] = saved as readonly unknown[];
  if (typeof eventId !== "string" || typeof sentAt !== "number") return [];
  // Earlier versions wrote 0 for the time of one's own.
  return [[eventId, { sentAt, isOwn: own === 1 || sentAt === 0 }]];
}
