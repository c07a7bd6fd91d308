import { readRecord, readString } from "@/domain/untrusted";

export interface ToldStatus {
  readonly state: "degraded" | "outage";
  readonly since: number;
  readonly link: string;
}

const EVERY_MS = 60_000;
const TIMEOUT_MS = 10_000;

/** What the server says of itself on its status page, if it has one. */
export class ServiceStatus {
  readonly #baseUrl: string;
  readonly #now: () => number;
  readonly #changed: () => void;
  #current: ToldStatus | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running = false;

  constructor(baseUrl: string, now: () => number, changed: () => void) {
    this.#baseUrl = baseUrl;
    this.#now = now;
    this.#changed = changed;
  }

  get current(): ToldStatus | undefined {
    return this.#current;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    void this.#ask();
  }

  stop(): void {
    this.#running = false;
    clearTimeout(this.#timer);
  }

  async #ask(): Promise<void> {
    const before = this.#current;
    const again = await this.#load().catch(() => true);
    if (!this.#running) return;
    if (before?.state !== this.#current?.state) this.#changed();
    if (again) this.#timer = setTimeout(() => void this.#ask(), EVERY_MS);
  }

  /** False if there is no status page to ask again. */
  async #load(): Promise<boolean> {
    const response = await fetch(`${this.#baseUrl}/status.json`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (response.status === 404) {
      this.#current = undefined;
      return false;
    }
    if (!response.ok) return true;
    const answer = readRecord(await response.json());
    const state = readString(answer, "state") ?? readString(answer, "status");
    if (state !== "degraded" && state !== "outage") {
      this.#current = undefined;
      return true;
    }
    const since = Date.parse(readString(answer, "since") ?? "");
    this.#current = { state, since: Number.isNaN(since) ? (this.#current?.since ?? this.#now()) : since, link: `${this.#baseUrl}/status` };
    return true;
  }
}
