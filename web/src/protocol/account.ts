import type { MatrixClient } from "matrix-js-sdk";
import type { EngineDatabase, Vault } from "@/platform/engine_database";
import type { Archive } from "./archive";
import type { DisappearTimers } from "./disappear_timers";
import type { ReceiptMarks } from "./receipts";
import { RoomHistory } from "./room_history";
import type { SavedValues } from "./saved_values";
import type { SendRunner } from "./send_runner";
import type { TrustLevels } from "./trust";

/** Everything an account at work shares between its parts. */
export interface Account {
  readonly client: MatrixClient;
  readonly userId: string;
  readonly database: EngineDatabase;
  readonly vault: Vault;
  readonly archive: Archive;
  readonly histories: Histories;
  readonly queue: SendRunner;
  readonly receipts: ReceiptMarks;
  readonly trust: TrustLevels;
  readonly values: SavedValues;
  readonly disappearTimers: DisappearTimers;
  readonly now: () => number;
}

/** The histories of all rooms, each made when it is first asked for. */
export class Histories {
  readonly #client: MatrixClient;
  readonly #archive: Archive;
  readonly #rooms = new Map<string, RoomHistory>();
  readonly #opened: (history: RoomHistory) => void;

  /** `opened` is told of every history once, before anything is added to it. */
  constructor(client: MatrixClient, archive: Archive, opened: (history: RoomHistory) => void) {
    this.#client = client;
    this.#archive = archive;
    this.#opened = opened;
  }

  of(roomId: string): RoomHistory {
    let history = this.#rooms.get(roomId);
    if (!history) {
      history = new RoomHistory(this.#client, this.#archive, roomId);
      this.#rooms.set(roomId, history);
      this.#opened(history);
    }
    return history;
  }
}
