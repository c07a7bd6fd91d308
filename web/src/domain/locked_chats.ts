import type { ChatSummary } from "./engine";
import type { AppLock } from "./app_lock";
import type { Readable } from "./store";

/** The chats of an account that stand behind the PIN. */
export class LockedChats {
  readonly #lock: AppLock;
  readonly #userId: string;

  constructor(lock: AppLock, userId: string) {
    this.#lock = lock;
    this.#userId = userId;
  }

  /** Whether the chat must not be shown now. */
  isHidden(roomId: string): boolean {
    return !this.#lock.revealed.get() && this.#lock.isChatLocked(this.#userId, roomId);
  }

  get hasAny(): boolean {
    return (this.#lock.chats.get()[this.#userId]?.length ?? 0) > 0;
  }

  /** The chats without the hidden ones; the same array until something changes. */
  filter(chats: Readable<readonly ChatSummary[]>): Readable<readonly ChatSummary[]> {
    let from: readonly ChatSummary[] | undefined;
    let key: unknown;
    let isRevealed: boolean | undefined;
    let shown: readonly ChatSummary[] = [];
    return {
      get: () => {
        const all = chats.get();
        const locked = this.#lock.chats.get();
        const revealed = this.#lock.revealed.get();
        if (all !== from || locked !== key || revealed !== isRevealed) {
          [from, key, isRevealed] = [all, locked, revealed];
          shown = all.some(({ roomId }) => this.isHidden(roomId)) ? all.filter(({ roomId }) => !this.isHidden(roomId)) : all;
        }
        return shown;
      },
      subscribe: (listener) => {
        const ends = [chats.subscribe(listener), this.#lock.chats.subscribe(listener), this.#lock.revealed.subscribe(listener)];
        return () => {
          for (const end of ends) end();
        };
      },
    };
  }
}
