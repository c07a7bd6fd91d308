import type { MarkKind, ReceiptMarks } from "./receipts";
import type { RoomHistory } from "./room_history";

const KINDS: readonly MarkKind[] = ["read", "delivered"];

/** Who has received and read up to which place of one room's history. */
export class RoomTicks {
  readonly #history: RoomHistory;
  readonly #receipts: ReceiptMarks;
  readonly #ownUserId: string;
  readonly #orders: Readonly<Record<MarkKind, Map<string, number>>> = { read: new Map(), delivered: new Map() };
  readonly #seen: Readonly<Record<MarkKind, Map<string, string>>> = { read: new Map(), delivered: new Map() };
  readonly #listeners = new Set<(from: number, to: number) => void>();
  #refreshing: Promise<void> = Promise.resolve();

  constructor(history: RoomHistory, receipts: ReceiptMarks, ownUserId: string) {
    this.#history = history;
    this.#receipts = receipts;
    this.#ownUserId = ownUserId;
  }

  /** Called with the places whose messages have new ticks: after `from`, up to and with `to`. */
  listen(listener: (from: number, to: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  deliveredTo(order: number): readonly string[] {
    const users = new Set([...this.#reached("delivered", order), ...this.#reached("read", order)]);
    return [...users];
  }

  readBy(order: number): readonly string[] {
    return this.#reached("read", order);
  }

  /** How far we have read ourselves. */
  get ownRead(): number | undefined {
    return this.#orders.read.get(this.#ownUserId);
  }

  /** Looks up where the marks are now. */
  refresh(): Promise<void> {
    this.#refreshing = this.#refreshing.then(() => this.#refresh()).catch(() => undefined);
    return this.#refreshing;
  }

  async #refresh(): Promise<void> {
    for (const kind of KINDS) {
      for (const [userId, { eventId }] of this.#receipts.marks(this.#history.roomId, kind)) {
        if (this.#seen[kind].get(userId) === eventId) continue;
        const order = await this.#history.orderOf(eventId);
        // The event itself may come later; the mark is looked at again then.
        if (order === undefined) continue;
        this.#seen[kind].set(userId, eventId);
        const before = this.#orders[kind].get(userId) ?? -Infinity;
        if (order <= before) continue;
        this.#orders[kind].set(userId, order);
        for (const listener of this.#listeners) listener(before, order);
      }
    }
  }

  #reached(kind: MarkKind, order: number): string[] {
    const users: string[] = [];
    for (const [userId, reached] of this.#orders[kind]) if (reached >= order && userId !== this.#ownUserId) users.push(userId);
    return users;
  }
}
