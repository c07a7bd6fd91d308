/** What is counted is as old as this at most. */
export const BUDGET_WINDOW_MS = 120_000;
/** So many may always be tried again: somebody who asks for little must get through, too. */
export const RETRIES_ALWAYS = 10;
export const RETRIES_SHARE = 0.1;

/** Automatic retries are at most a tenth of what is asked anyway, and a few more: they must not make a server's bad minute last. */
export class RetryBudget {
  #requests: readonly number[] = [];
  #retries: readonly number[] = [];

  /** Something is asked for the first time. */
  count(now: number): void {
    this.#requests = [...keepRecent(this.#requests, now), now];
  }

  /** Whether something may be asked once more now; if so, that is counted. */
  takeRetry(now: number): boolean {
    this.#requests = keepRecent(this.#requests, now);
    this.#retries = keepRecent(this.#retries, now);
    if (this.#retries.length >= RETRIES_ALWAYS + Math.floor(this.#requests.length * RETRIES_SHARE)) return false;
    this.#retries = [...this.#retries, now];
    return true;
  }
}

function keepRecent(times: readonly number[], now: number): readonly number[] {
  return times.filter((time) => time > now - BUDGET_WINDOW_MS);
}
