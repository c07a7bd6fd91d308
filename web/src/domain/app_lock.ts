import { Store, type Readable } from "./store";
import { readChild, readInteger, readList, readRecord, readString } from "./untrusted";

/** A PIN as it is kept: never the PIN itself. */
export interface HashedPin {
  readonly salt: string;
  readonly hash: string;
  readonly iterations: number;
}

/** What this device keeps of its lock. */
export interface LockRecord {
  readonly pin: HashedPin;
  /** Wipes the device when it is given in place of the PIN. */
  readonly panic?: HashedPin;
  /** Minutes without use until it locks; 0: as soon as the page is out of sight; null: only when the app starts. */
  readonly afterMinutes: number | null;
  readonly failures: number;
  readonly lastFailureAt: number;
  /** By user ID, the chats that are hidden until the PIN is given. */
  readonly chats: Readonly<Record<string, readonly string[]>>;
}

export interface LockParts {
  load(): unknown;
  /** null: there is no lock any more. */
  store(record: LockRecord | null): void;
  derive(pin: string, salt: string, iterations: number): Promise<string>;
  makeSalt(): string;
  now(): number;
}

export interface LockState {
  readonly isSet: boolean;
  readonly isLocked: boolean;
  readonly hasPanicPin: boolean;
  readonly afterMinutes: number | null;
  /** Until when (ms since 1970) no PIN is taken, after too many wrong ones. */
  readonly waitUntil: number;
}

export type PinAnswer = "right" | "wrong" | "panic" | "wait";

export const PIN_ITERATIONS = 600_000;
export const PIN_LENGTH_MIN = 4;
export const PIN_LENGTH_MAX = 12;
export const LOCK_CHOICES_MINUTES: readonly (number | null)[] = [0, 1, 5, 15, 60, null];
const FAILURES_FREE = 5;
const WAIT_MS_FIRST = 30_000;
const WAIT_MS_MAX = 3_600_000;
const CHATS_MAX = 500;

/** Digits of every keyboard are the same PIN. */
export function normalisePin(text: string): string {
  return text.replace(/[٠-٩]/gu, (digit) => String(digit.charCodeAt(0) - 0x660)).replace(/[۰-۹]/gu, (digit) => String(digit.charCodeAt(0) - 0x6f0)).replace(/\D/gu, "");
}

export function isPin(text: string): boolean {
  const { length } = normalisePin(text);
  return length >= PIN_LENGTH_MIN && length <= PIN_LENGTH_MAX;
}

/** How long no PIN is taken after this many wrong ones. */
export function waitAfter(failures: number): number {
  return failures < FAILURES_FREE ? 0 : Math.min(WAIT_MS_MAX, WAIT_MS_FIRST * 2 ** (failures - FAILURES_FREE));
}

/**
 * The lock of this device, for all accounts on it. It keeps people who pick the device up from reading along; it does not encrypt
 * what is on the disk a second time.
 */
export class AppLock {
  readonly #parts: LockParts;
  readonly #state: Store<LockState>;
  /** Whether the hidden chats are shown now. */
  readonly #revealed = new Store(false);
  readonly #chats: Store<LockRecord["chats"]>;
  #record: LockRecord | null;
  #usedAt: number;

  constructor(parts: LockParts) {
    this.#parts = parts;
    this.#record = parseRecord(parts.load());
    this.#usedAt = parts.now();
    this.#state = new Store(this.#build(this.#record !== null));
    this.#chats = new Store<LockRecord["chats"]>(this.#record?.chats ?? {});
  }

  get state(): Readable<LockState> {
    return this.#state;
  }

  get revealed(): Readable<boolean> {
    return this.#revealed;
  }

  get chats(): Readable<LockRecord["chats"]> {
    return this.#chats;
  }

  async setPin(pin: string): Promise<void> {
    const hashed = await this.#hash(pin);
    const before = this.#record;
    this.#save({ afterMinutes: 5, chats: {}, ...before, pin: hashed, failures: 0, lastFailureAt: 0 });
  }

  removePin(): void {
    this.#save(null);
    this.#revealed.set(false);
  }

  /** The PIN that wipes; "" removes it. Gives false if it is the PIN itself. */
  async setPanicPin(pin: string): Promise<boolean> {
    const record = this.#record;
    if (record === null) return false;
    if (pin === "") {
      const { panic: _panic, ...rest } = record;
      this.#save(rest);
      return true;
    }
    if (await this.#matches(pin, record.pin)) return false;
    this.#save({ ...record, panic: await this.#hash(pin) });
    return true;
  }

  setAfterMinutes(afterMinutes: number | null): void {
    if (this.#record !== null) this.#save({ ...this.#record, afterMinutes });
  }

  lock(): void {
    if (this.#record === null) return;
    this.#revealed.set(false);
    this.#state.set(this.#build(true));
  }

  async unlock(pin: string): Promise<PinAnswer> {
    const answer = await this.check(pin);
    if (answer === "right") {
      this.#usedAt = this.#parts.now();
      this.#state.set(this.#build(false));
    }
    return answer;
  }

  /** Shows the hidden chats until the app locks or `hide` is called. */
  async reveal(pin: string): Promise<PinAnswer> {
    const answer = await this.check(pin);
    if (answer === "right") this.#revealed.set(true);
    return answer;
  }

  hide(): void {
    this.#revealed.set(false);
  }

  /** Whether it is the PIN; wrong ones are counted, and after five of them it takes time. */
  async check(pin: string): Promise<PinAnswer> {
    const record = this.#record;
    if (record === null) return "right";
    if (this.#parts.now() < this.#state.get().waitUntil) return "wait";
    if (await this.#matches(pin, record.pin)) {
      this.#save({ ...record, failures: 0, lastFailureAt: 0 });
      return "right";
    }
    if (record.panic !== undefined && (await this.#matches(pin, record.panic))) return "panic";
    const failed = this.#record ?? record;
    this.#save({ ...failed, failures: failed.failures + 1, lastFailureAt: this.#parts.now() });
    return "wrong";
  }

  setChatLocked(userId: string, roomId: string, isLocked: boolean): void {
    if (this.#record === null) return;
    const others = (this.#record.chats[userId] ?? []).filter((each) => each !== roomId);
    this.#save({ ...this.#record, chats: { ...this.#record.chats, [userId]: isLocked ? [...others, roomId].slice(-CHATS_MAX) : others } });
  }

  isChatLocked(userId: string, roomId: string): boolean {
    return this.#chats.get()[userId]?.includes(roomId) ?? false;
  }

  /** Somebody uses the app. */
  noteUse(): void {
    if (!this.#state.get().isLocked) this.#usedAt = this.#parts.now();
  }

  /** The page is out of sight. */
  noteHidden(): void {
    if (this.#record?.afterMinutes === 0) this.lock();
  }

  /** Locks if nobody has used the app for long enough. To be called now and then, and before anything is shown again. */
  tick(): void {
    const after = this.#record?.afterMinutes;
    if (after === undefined || after === null || after === 0 || this.#state.get().isLocked) return;
    if (this.#parts.now() - this.#usedAt >= after * 60_000) this.lock();
  }

  #save(record: LockRecord | null): void {
    this.#record = record;
    this.#parts.store(record);
    this.#chats.set(record?.chats ?? {});
    this.#state.set(this.#build(record !== null && this.#state.get().isLocked));
  }

  #build(isLocked: boolean): LockState {
    const record = this.#record;
    const wait = record === null ? 0 : waitAfter(record.failures);
    return {
      isSet: record !== null,
      isLocked,
      hasPanicPin: record?.panic !== undefined,
      afterMinutes: record?.afterMinutes ?? null,
      waitUntil: wait === 0 ? 0 : (record?.lastFailureAt ?? 0) + wait,
    };
  }

  async #hash(pin: string): Promise<HashedPin> {
    const salt = this.#parts.makeSalt();
    return { salt, iterations: PIN_ITERATIONS, hash: await this.#parts.derive(normalisePin(pin), salt, PIN_ITERATIONS) };
  }

  async #matches(pin: string, kept: HashedPin): Promise<boolean> {
    return (await this.#parts.derive(normalisePin(pin), kept.salt, kept.iterations)) === kept.hash;
  }
}

function parsePin(value: unknown): HashedPin | undefined {
  const record = readRecord(value);
  const salt = readString(record, "salt");
  const hash = readString(record, "hash");
  const iterations = readInteger(record, "iterations", 1, 100_000_000);
  return salt === undefined || hash === undefined || iterations === undefined ? undefined : { salt, hash, iterations };
}

function parseRecord(value: unknown): LockRecord | null {
  const record = readRecord(value);
  const pin = parsePin(record?.["pin"]);
  if (record === undefined || pin === undefined) return null;
  const panic = parsePin(record["panic"]);
  const kept = readChild(record, "chats") ?? {};
  const chats = Object.fromEntries(Object.keys(kept).map((userId) => [userId, readList(kept, userId, CHATS_MAX).filter((each) => typeof each === "string")]));
  return {
    pin,
    ...(panic === undefined ? {} : { panic }),
    afterMinutes: record["afterMinutes"] === null ? null : (readInteger(record, "afterMinutes", 0, 1_440) ?? 5),
    failures: readInteger(record, "failures", 0, 1_000_000) ?? 0,
    lastFailureAt: readInteger(record, "lastFailureAt", 0, Number.MAX_SAFE_INTEGER) ?? 0,
    chats,
  };
}
