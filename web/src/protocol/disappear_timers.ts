import type { MatrixClient } from "matrix-js-sdk";
import { disappearAfterOf } from "./room_facts";

/** After how many seconds messages of each room disappear; what was chosen here counts at once, before the server has told of it. */
export class DisappearTimers {
  readonly #client: MatrixClient;
  readonly #chosen = new Map<string, { readonly seconds: number }>();

  constructor(client: MatrixClient) {
    this.#client = client;
  }

  /** Seconds; 0 if messages of the room stay. */
  of(roomId: string): number {
    const chosen = this.#chosen.get(roomId);
    if (chosen) return chosen.seconds;
    const room = this.#client.getRoom(roomId);
    return room ? disappearAfterOf(room) : 0;
  }

  /** Has `seconds` count while `store` runs: a message that is sent meanwhile must not stay for ever. */
  async choose(roomId: string, seconds: number, store: () => Promise<void>): Promise<void> {
    const choice = { seconds };
    this.#chosen.set(roomId, choice);
    try {
      await store();
    } finally {
      if (this.#chosen.get(roomId) === choice) this.#chosen.delete(roomId);
    }
  }
}
