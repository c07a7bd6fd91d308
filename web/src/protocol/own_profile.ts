import type { MatrixClient } from "matrix-js-sdk";
import type { Person } from "@/domain/engine";
import { Store, type Readable } from "@/domain/store";
import { localpart } from "./event_adapter";
import { mediaOf } from "./room_facts";
import type { SavedValues } from "./saved_values";
import { SAVED_PROFILE as SAVED_NAME } from "./warm_list";

/** Our own name and picture; those of the last time until the server has been asked. */
export class OwnProfile {
  readonly #client: MatrixClient;
  readonly #values: SavedValues;
  readonly #store: Store<Person>;

  constructor(client: MatrixClient, values: SavedValues) {
    this.#client = client;
    this.#values = values;
    const userId = client.getSafeUserId();
    this.#store = new Store<Person>({ userId, name: localpart(userId), trust: "verified" });
  }

  get readable(): Readable<Person> {
    return this.#store;
  }

  async load(): Promise<void> {
    const saved = await this.#values.load(SAVED_NAME);
    if (saved) this.#store.set(saved as Person);
  }

  refresh(): void {
    void this.#refresh().catch(() => undefined);
  }

  async #refresh(): Promise<void> {
    const userId = this.#client.getSafeUserId();
    const { displayname, avatar_url } = await this.#client.getProfileInfo(userId);
    const avatar = mediaOf(avatar_url);
    this.#store.set({ userId, name: displayname || localpart(userId), trust: "verified", ...(avatar ? { avatar } : {}) });
    this.#values.save(SAVED_NAME, this.#store.get());
  }
}
