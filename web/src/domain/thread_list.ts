import type { Message, ThreadNote } from "./message";

/** A thread as a line of the list of all threads of a chat. */
export interface ListedThread extends ThreadNote {
  readonly rootId: string;
  /** What began it; absent where this device cannot show it. */
  readonly root?: Message;
  /** The newest answer. */
  readonly latest?: Message;
}

export interface ThreadList {
  /** The one with the newest answer first. */
  readonly threads: readonly ListedThread[];
  readonly loading: boolean;
  /** Whether the server has more of them. */
  readonly hasMore: boolean;
  /** The server did not answer: these are the threads that this device knows of. */
  readonly isPartial: boolean;
}

export const NO_THREADS: ThreadList = { threads: [], loading: true, hasMore: false, isPartial: false };
