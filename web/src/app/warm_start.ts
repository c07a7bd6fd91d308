import { loadWarmList, type WarmList } from "@/protocol/warm_list";

/** The engine is loaded at the latest so long after the account was found, whatever is on the screen. */
const SHOWN_MS_MAX = 1_000;

/** An account's chats of the last time. They are read while the rest of the page still loads, and shown before the engine takes the processor. */
export class WarmStart {
  readonly userId: string;
  /** Fulfilled when it is known whether there is something to show. */
  readonly loaded: Promise<void>;
  /** Fulfilled when the chats are on the screen, or will not be. */
  readonly shown: Promise<void>;
  #list: WarmList | null | undefined;
  #markShown: () => void = () => undefined;

  constructor(userId: string, load: (userId: string) => Promise<WarmList> = loadWarmList) {
    this.userId = userId;
    this.shown = new Promise((resolve) => {
      this.#markShown = resolve;
      setTimeout(resolve, SHOWN_MS_MAX);
    });
    this.loaded = load(userId).then((list) => this.#take(list.chats.length > 0 ? list : null), () => this.#take(null));
  }

  /** null if there is nothing, undefined until that is known. */
  get list(): WarmList | null | undefined {
    return this.#list;
  }

  /** To be called once the list is drawn: it is on the screen with the next frame. */
  drawn(): void {
    requestAnimationFrame(() => setTimeout(this.#markShown));
  }

  #take(list: WarmList | null): void {
    this.#list = list;
    // A page out of sight draws nothing.
    if (list === null || document.hidden) this.#markShown();
  }
}

/** The warm start of the account at work. */
export class WarmStarts {
  #current: WarmStart | null = null;

  begin(userId: string): WarmStart {
    this.#current = new WarmStart(userId);
    return this.#current;
  }

  find(userId: string): WarmStart | null {
    return this.#current?.userId === userId ? this.#current : null;
  }

  /** The engine is running: its own list is newer. */
  end(): void {
    this.#current = null;
  }
}
