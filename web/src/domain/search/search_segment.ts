import { readInteger, readList, readRecord } from "../untrusted";
import type { SearchableMessage, SearchHit } from "./search_index";
import type { SearchQuery } from "./search_query";

/** Fit for structured cloning; postings are differences of rising numbers, seven bits a byte. */
export interface StoredSegment {
  readonly id: number;
  readonly eventIds: readonly string[];
  readonly rooms: readonly string[];
  readonly roomOf: Uint16Array;
  readonly senders: readonly string[];
  readonly senderOf: Uint16Array;
  readonly times: Float64Array;
  readonly words: readonly string[];
  readonly lengths: Uint32Array;
  readonly postings: Uint8Array;
}

/** A segment is never larger than this, stored ones included. */
const COUNT_MAX = 4_096;
const WORDS_MAX = 400_000;

/** Some thousand messages and their words. Removed messages keep their number, without anything behind it. */
export class IndexSegment {
  readonly id: number;
  #eventIds: string[] = [];
  #numberOf = new Map<string, number>();
  #rooms: string[] = [];
  #roomOf: number[] = [];
  #senders: string[] = [];
  #senderOf: number[] = [];
  #times: number[] = [];
  #postings = new Map<string, number[]>();
  /** Sorted, for beginnings of words; made when first needed after a change. */
  #sorted: string[] | undefined;
  #newestAt = Number.NEGATIVE_INFINITY;
  #removed = 0;
  /** Removed, but their words not yet. */
  readonly #purgeable = new Set<number>();
  readonly #roomNumbers = new Map<string, number>();
  readonly #senderNumbers = new Map<string, number>();

  constructor(id: number) {
    this.id = id;
  }

  get count(): number {
    return this.#eventIds.length;
  }

  get liveCount(): number {
    return this.#eventIds.length - this.#removed;
  }

  /** Time of the newest message. */
  get newestAt(): number {
    return this.#newestAt;
  }

  has(eventId: string): boolean {
    return this.#numberOf.has(eventId);
  }

  add(message: SearchableMessage, words: ReadonlySet<string>): void {
    const number = this.#eventIds.length;
    this.#eventIds.push(message.eventId);
    this.#numberOf.set(message.eventId, number);
    this.#roomOf.push(intern(message.roomId, this.#rooms, this.#roomNumbers));
    this.#senderOf.push(intern(message.sender, this.#senders, this.#senderNumbers));
    this.#times.push(message.sentAt);
    this.#newestAt = Math.max(this.#newestAt, message.sentAt);
    for (const word of words) {
      const numbers = this.#postings.get(word);
      if (numbers === undefined) {
        this.#postings.set(word, [number]);
        this.#sorted = undefined;
      } else numbers.push(number);
    }
  }

  remove(eventId: string): boolean {
    const number = this.#numberOf.get(eventId);
    if (number === undefined) return false;
    this.#forget(new Set([number]));
    return true;
  }

  removeRoom(roomId: string): boolean {
    const room = this.#roomNumbers.get(roomId);
    if (room === undefined) return false;
    const numbers = new Set([...this.#numberOf.values()].filter((number) => this.#roomOf[number] === room));
    if (numbers.size > 0) this.#forget(numbers);
    return numbers.size > 0;
  }

  #forget(numbers: ReadonlySet<number>): void {
    for (const number of numbers) {
      this.#numberOf.delete(this.#eventIds[number] ?? "");
      this.#eventIds[number] = "";
      this.#removed += 1;
      this.#purgeable.add(number);
    }
  }

  /** Takes the words of removed messages out, all at once, as every list has to be looked through. */
  #purge(): void {
    if (this.#purgeable.size === 0) return;
    for (const [word, list] of this.#postings) {
      if (!list.some((number) => this.#purgeable.has(number))) continue;
      const kept = list.filter((number) => !this.#purgeable.has(number));
      if (kept.length > 0) this.#postings.set(word, kept);
      else this.#postings.delete(word);
    }
    this.#purgeable.clear();
    this.#sorted = undefined;
  }

  search(query: SearchQuery): readonly SearchHit[] {
    const room = query.roomId === undefined ? undefined : this.#roomNumbers.get(query.roomId);
    const sender = query.sender === undefined ? undefined : this.#senderNumbers.get(query.sender);
    if ((query.roomId !== undefined && room === undefined) || (query.sender !== undefined && sender === undefined)) return [];
    let numbers: readonly number[] | undefined;
    for (const list of this.#listsOf(query)) {
      numbers = numbers === undefined ? list : intersect(numbers, list);
      if (numbers.length === 0) return [];
    }
    const hits: SearchHit[] = [];
    for (const number of numbers ?? []) {
      const sentAt = this.#times[number] ?? 0;
      if (this.#eventIds[number] === "") continue;
      if (room !== undefined && this.#roomOf[number] !== room) continue;
      if (sender !== undefined && this.#senderOf[number] !== sender) continue;
      if (sentAt < (query.after ?? Number.NEGATIVE_INFINITY) || sentAt > (query.before ?? Number.POSITIVE_INFINITY)) continue;
      hits.push({ eventId: this.#eventIds[number] ?? "", roomId: this.#rooms[this.#roomOf[number] ?? 0] ?? "", sender: this.#senders[this.#senderOf[number] ?? 0] ?? "", sentAt });
    }
    return hits;
  }

  *#listsOf(query: SearchQuery): Generator<readonly number[]> {
    for (const phrase of query.phrases) for (const word of phrase) yield this.#postings.get(word) ?? [];
    // While typing, any word may be unfinished.
    for (const word of query.words) yield this.#beginningWith(word);
  }

  #beginningWith(prefix: string): readonly number[] {
    this.#sorted ??= [...this.#postings.keys()].sort();
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sorted[middle] as string) < prefix) low = middle + 1;
      else high = middle;
    }
    const first = low;
    while (low < this.#sorted.length && (this.#sorted[low] as string).startsWith(prefix)) low += 1;
    if (low === first) return [];
    if (low === first + 1) return this.#postings.get(this.#sorted[first] as string) ?? [];
    const found = new Uint8Array(this.#eventIds.length);
    for (let at = first; at < low; at += 1) for (const number of this.#postings.get(this.#sorted[at] as string) ?? []) found[number] = 1;
    const numbers: number[] = [];
    for (let number = 0; number < found.length; number += 1) if (found[number] === 1) numbers.push(number);
    return numbers;
  }

  /** What is stored holds nothing of removed messages. */
  store(): StoredSegment {
    this.#purge();
    const words = [...this.#postings.keys()];
    const bytes: number[] = [];
    const lengths = new Uint32Array(words.length);
    words.forEach((word, index) => {
      const before = bytes.length;
      let last = 0;
      for (const number of this.#postings.get(word) ?? []) {
        for (let rest = number - last; ; rest >>>= 7) {
          bytes.push(rest < 0x80 ? rest : (rest & 0x7f) | 0x80);
          if (rest < 0x80) break;
        }
        last = number;
      }
      lengths[index] = bytes.length - before;
    });
    return {
      id: this.id, eventIds: [...this.#eventIds], rooms: [...this.#rooms], roomOf: Uint16Array.from(this.#roomOf), senders: [...this.#senders], senderOf: Uint16Array.from(this.#senderOf),
      times: Float64Array.from(this.#times), words, lengths, postings: Uint8Array.from(bytes),
    };
  }

  /** Undefined if the record is damaged: its messages are then indexed anew. */
  static restore(value: unknown): IndexSegment | undefined {
    const stored = readRecord(value);
    const id = readInteger(stored, "id", 1, Number.MAX_SAFE_INTEGER);
    const { roomOf, senderOf, times, lengths, postings } = stored ?? {};
    if (id === undefined || !(roomOf instanceof Uint16Array) || !(senderOf instanceof Uint16Array) || !(times instanceof Float64Array) || !(lengths instanceof Uint32Array) || !(postings instanceof Uint8Array)) return undefined;
    const texts = (name: string, max: number): string[] => readList(stored, name, max).filter((text): text is string => typeof text === "string");
    const segment = new IndexSegment(id);
    segment.#eventIds = texts("eventIds", COUNT_MAX);
    const count = segment.#eventIds.length;
    if (roomOf.length !== count || senderOf.length !== count || times.length !== count) return undefined;
    segment.#roomOf = [...roomOf];
    segment.#senderOf = [...senderOf];
    segment.#times = [...times];
    segment.#newestAt = times.reduce((newest, time) => Math.max(newest, time), Number.NEGATIVE_INFINITY);
    for (const room of texts("rooms", COUNT_MAX)) intern(room, segment.#rooms, segment.#roomNumbers);
    for (const sender of texts("senders", COUNT_MAX)) intern(sender, segment.#senders, segment.#senderNumbers);
    segment.#eventIds.forEach((eventId, number) => (eventId === "" ? (segment.#removed += 1) : segment.#numberOf.set(eventId, number)));
    const words = texts("words", WORDS_MAX);
    return words.length === lengths.length && segment.#readPostings(words, lengths, postings) ? segment : undefined;
  }

  #readPostings(words: readonly string[], lengths: Uint32Array, bytes: Uint8Array): boolean {
    let at = 0;
    for (let index = 0; index < words.length; index += 1) {
      const end = at + (lengths[index] ?? 0);
      const numbers: number[] = [];
      for (let last = 0; at < end; ) {
        let shift = 0;
        let difference = 0;
        for (;;) {
          const byte = bytes[at++];
          if (byte === undefined || shift > 14) return false;
          difference |= (byte & 0x7f) << shift;
          shift += 7;
          if (byte < 0x80) break;
        }
        last += difference;
        if (last >= this.#eventIds.length) return false;
        numbers.push(last);
      }
      this.#postings.set(words[index] ?? "", numbers);
    }
    return at === bytes.length;
  }
}

function intern(text: string, list: string[], numbers: Map<string, number>): number {
  const known = numbers.get(text);
  if (known !== undefined) return known;
  numbers.set(text, list.length);
  return list.push(text) - 1;
}

/** Both rise. */
function intersect(a: readonly number[], b: readonly number[]): readonly number[] {
  const both: number[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const x = a[i] as number;
    const y = b[j] as number;
    if (x === y) both.push(x);
    if (x <= y) i += 1;
    if (y <= x) j += 1;
  }
  return both;
}
