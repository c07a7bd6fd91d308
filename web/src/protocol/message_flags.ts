import type { MatrixClient } from "matrix-js-sdk";
import { readList, readRecord } from "@/domain/untrusted";
import { ask } from "./failures";

const STARRED = "org.zajil.starred";
const HIDDEN = "org.zajil.hidden";
const EVENTS_MAX = 500;

/** Stars and what is deleted for oneself: account data of the room, so that all of one's devices agree. */
export class MessageFlags {
  readonly #client: MatrixClient;
  readonly #cache = new Map<string, { readonly content: object; readonly ids: ReadonlySet<string> }>();

  constructor(client: MatrixClient) {
    this.#client = client;
  }

  starred(roomId: string): ReadonlySet<string> {
    return this.#ids(roomId, STARRED);
  }

  hidden(roomId: string): ReadonlySet<string> {
    return this.#ids(roomId, HIDDEN);
  }

  async setStarred(roomId: string, eventId: string, starred: boolean): Promise<void> {
    const before = [...this.starred(roomId)].filter((id) => id !== eventId);
    await this.#save(roomId, STARRED, starred ? [...before, eventId] : before);
  }

  async hide(roomId: string, eventId: string): Promise<void> {
    await this.#save(roomId, HIDDEN, [...this.hidden(roomId), eventId]);
  }

  pinned(roomId: string): ReadonlySet<string> {
    const event = this.#client.getRoom(roomId)?.currentState.getStateEvents("m.room.pinned_events", "");
    return this.#read(`${roomId} pinned`, event?.getContent(), "pinned");
  }

  #ids(roomId: string, type: string): ReadonlySet<string> {
    return this.#read(`${roomId} ${type}`, this.#client.getRoom(roomId)?.getAccountData(type)?.getContent(), "event_ids");
  }

  #read(key: string, content: object | undefined, field: string): ReadonlySet<string> {
    if (!content) return EMPTY;
    const known = this.#cache.get(key);
    if (known?.content === content) return known.ids;
    const ids = new Set(readList(readRecord(content), field, EVENTS_MAX).filter((id) => typeof id === "string"));
    this.#cache.set(key, { content, ids });
    return ids;
  }

  async #save(roomId: string, type: string, ids: readonly string[]): Promise<void> {
    await ask(this.#client.setRoomAccountData(roomId, type as never, { event_ids: ids.slice(-EVENTS_MAX) } as never));
  }
}

const EMPTY: ReadonlySet<string> = new Set();
