import { readRecord } from "@/domain/untrusted";
import type { SavedValues } from "./saved_values";

const SAVED_NAME = "drafts";

/** What was begun to be written in each chat. */
export class Drafts {
  readonly #values: SavedValues;
  readonly #changed: (roomId: string) => void;
  readonly #drafts = new Map<string, string>();

  constructor(values: SavedValues, changed: (roomId: string) => void) {
    this.#values = values;
    this.#changed = changed;
  }

  get all(): ReadonlyMap<string, string> {
    return this.#drafts;
  }

  async load(): Promise<void> {
    for (const [roomId, draft] of Object.entries(readRecord(await this.#values.load(SAVED_NAME)) ?? {})) {
      if (typeof draft === "string") this.#drafts.set(roomId, draft);
    }
  }

  set(roomId: string, markdown: string): void {
    if ((this.#drafts.get(roomId) ?? "") === markdown) return;
    if (markdown === "") this.#drafts.delete(roomId);
    else this.#drafts.set(roomId, markdown);
    this.#values.save(SAVED_NAME, Object.fromEntries(this.#drafts));
    this.#changed(roomId);
  }
}
