import { addHeard, type Heard, HEARD_MAX } from "@/domain/heard";
import { Store, type Readable } from "@/domain/store";
import { readInteger, readList, readRecord } from "@/domain/untrusted";
import type { SavedValues } from "./saved_values";

const SAVED_NAME = "heard";

/** Which voice messages were listened to: kept on this device, encrypted. */
export class HeardMessages {
  readonly #values: SavedValues;
  readonly #store: Store<Heard>;

  constructor(values: SavedValues, now: () => number) {
    this.#values = values;
    this.#store = new Store<Heard>({ since: now(), eventIds: new Set() });
  }

  get readable(): Readable<Heard> {
    return this.#store;
  }

  async load(): Promise<void> {
    const saved = readRecord(await this.#values.load(SAVED_NAME));
    const since = readInteger(saved, "since", 0, Number.MAX_SAFE_INTEGER);
    if (since === undefined) return this.#save();
    const known = readList(saved, "event_ids", HEARD_MAX).filter((id): id is string => typeof id === "string");
    this.#store.update(({ eventIds }) => ({ since, eventIds: new Set([...known, ...eventIds]) }));
  }

  mark(eventId: string): void {
    if (this.#store.get().eventIds.has(eventId)) return;
    this.#store.update((heard) => addHeard(heard, eventId));
    this.#save();
  }

  #save(): void {
    const { since, eventIds } = this.#store.get();
    this.#values.save(SAVED_NAME, { since, event_ids: [...eventIds] });
  }
}
