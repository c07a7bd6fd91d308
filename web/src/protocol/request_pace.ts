import type { MatrixClient } from "matrix-js-sdk";
import { BUDGET_WINDOW_MS, RetryBudget } from "@/domain/retry_budget";
import { backoffMs } from "@/domain/send_queue";
import { failureOf } from "./failures";

export interface RequestPaceOptions {
  readonly client: MatrixClient;
  readonly now: () => number;
  readonly random: () => number;
  /** The server asks to come back at that time (ms since 1970). */
  readonly asked: (until: number) => void;
}

type Send<T> = () => Promise<T>;

const SYNC = "/sync";
/** What the SDK asks for before its first sync, again and again until it is answered. */
const BEFORE_SYNC = /^\/(pushrules\/$|user\/[^/]+\/filter(\/|$))/;
/** The SDK asks it after a lost sync, to learn whether the server is there again. */
const VERSIONS = "/_matrix/client/versions";
/** The send queue has a back-off of its own, and must not lose a message's turn. */
const QUEUED = /^\/rooms\/[^/]+\/(send|redact)\//;
const ASKED_MS_MAX = 600_000;
const LATER_MS_MAX = 5_000;

/**
 * Stands between the SDK and its requests, above their timeouts. The sync comes back when the server has said, and after failures with full
 * jitter; the SDK alone would do both within seconds. Other requests that failed are tried again as far as the budget goes.
 */
export class RequestPace {
  readonly #options: RequestPaceOptions;
  readonly #budget = new RetryBudget();
  readonly #failed = new Map<string, { readonly error: unknown; readonly at: number }>();
  readonly #stop = new AbortController();
  readonly #wakers = new Set<() => void>();
  #versions: Promise<unknown> | undefined;
  #askedUntil = 0;
  #backOffUntil = 0;
  /** When either was set: a clock that shows less was set back, and then they mean nothing. */
  #heldSince = 0;
  #failures = 0;
  #hasSynced = false;
  /** The last sync was answered. */
  #isWell = false;

  constructor(options: RequestPaceOptions) {
    this.#options = options;
    const { http } = options.client;
    const request = http.request.bind(http);
    http.request = <T>(...parts: Parameters<typeof request>): Promise<T> => {
      const [method, path, query, body, options] = parts;
      const signal = options?.abortSignal;
      const send: Send<T> = () => request<T>(...parts);
      // The first answer after silence tells that all is well. It must not wait for news.
      const sync: Send<T> = () => request<T>(method, path, this.#isWell ? query : { ...query, timeout: 0 }, body, options);
      if (path === SYNC) return this.#askUntilTaken(sync, path, signal);
      if (BEFORE_SYNC.test(path) && !this.#hasSynced) return this.#askUntilTaken(send, path, signal);
      if (path === VERSIONS && signal) return this.#askVersions(send, signal) as Promise<T>;
      if (QUEUED.test(path)) return send();
      return this.#askWithinBudget(send, JSON.stringify([method, path, query, body]), signal);
    };
  }

  /** Before this time (ms since 1970) neither the sync nor the question whether the server is there goes out. */
  get heldUntil(): number {
    return this.#options.now() < this.#heldSince ? 0 : Math.max(this.#askedUntil, this.#backOffUntil);
  }

  /** There is a network again: what was lost is asked for now, unless the server itself has said when. */
  hurry(): void {
    this.#failures = 0;
    this.#backOffUntil = 0;
    for (const wake of this.#wakers) wake();
  }

  /** What is held back fails as if it were aborted. */
  stop(): void {
    this.#stop.abort();
  }

  async #askUntilTaken<T>(send: Send<T>, path: string, signal: AbortSignal | undefined): Promise<T> {
    for (;;) {
      await this.#wait(signal);
      try {
        const answer = await send();
        this.#failures = 0;
        this.#hasSynced ||= path === SYNC;
        this.#isWell ||= path === SYNC;
        return answer;
      } catch (error) {
        if (signal?.aborted || !this.#isTold(error)) throw error;
      }
    }
  }

  /** A network that comes and goes makes the SDK ask several times; what is held back is asked once for all. */
  #askVersions<T>(send: Send<T>, signal: AbortSignal): Promise<unknown> {
    if (!this.#versions && this.heldUntil <= this.#options.now()) return this.#askNow(send, signal);
    this.#versions ??= this.#wait(signal)
      .finally(() => {
        this.#versions = undefined;
      })
      .then(() => this.#askNow(send, signal));
    return this.#versions;
  }

  async #askNow<T>(send: Send<T>, signal: AbortSignal): Promise<T> {
    try {
      return await send();
    } catch (error) {
      if (!signal.aborted) this.#isTold(error);
      throw error;
    }
  }

  /** Holds back what follows a failure; true if the server is well and only has too much to do. */
  #isTold(error: unknown): boolean {
    const { now, random, asked } = this.#options;
    const { status, code, retryAfterMs } = failureOf(error);
    const isBusy = status === 429 || code === "M_LIMIT_EXCEEDED";
    const pauseMs = backoffMs(this.#failures, random());
    this.#failures += 1;
    this.#isWell = false;
    this.#heldSince = now();
    if (!isBusy && retryAfterMs === undefined) {
      this.#backOffUntil = now() + pauseMs;
      return false;
    }
    // A little later than it was told, and later still if that does not help.
    this.#askedUntil = now() + (retryAfterMs === undefined ? pauseMs : Math.min(Math.max(retryAfterMs, 0), ASKED_MS_MAX) + Math.min(pauseMs, LATER_MS_MAX));
    if (isBusy) asked(this.#askedUntil);
    return isBusy;
  }

  /** The same once more soon after it failed is a retry, whoever asks. Beyond the budget it fails as before, and the server is not asked. */
  async #askWithinBudget<T>(send: Send<T>, key: string, signal: AbortSignal | undefined): Promise<T> {
    const { now } = this.#options;
    const start = now();
    for (const [each, { at }] of this.#failed) if (at <= start - BUDGET_WINDOW_MS) this.#failed.delete(each);
    const before = this.#failed.get(key);
    if (!before) this.#budget.count(start);
    else if (!this.#budget.takeRetry(start)) throw before.error;
    try {
      const answer = await send();
      this.#failed.delete(key);
      return answer;
    } catch (error) {
      const { status } = failureOf(error);
      if (!signal?.aborted && (status === undefined || status === 429 || status >= 500)) this.#failed.set(key, { error, at: now() });
      throw error;
    }
  }

  async #wait(signal: AbortSignal | undefined): Promise<void> {
    const end = signal ? AbortSignal.any([signal, this.#stop.signal]) : this.#stop.signal;
    for (;;) {
      const ms = this.heldUntil - this.#options.now();
      if (ms <= 0) return;
      await this.#pause(ms, end);
    }
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const finish = () => {
        clearTimeout(timer);
        this.#wakers.delete(wake);
        signal.removeEventListener("abort", abort);
      };
      const wake = () => {
        finish();
        resolve();
      };
      const abort = () => {
        finish();
        reject(signal.reason as Error);
      };
      const timer = setTimeout(wake, ms);
      this.#wakers.add(wake);
      signal.addEventListener("abort", abort);
      if (signal.aborted) abort();
    });
  }
}
