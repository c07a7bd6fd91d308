import type { OutgoingFile } from "./engine";

/** What the queue does with its items, without doing it: the runner (protocol/send_runner.ts) asks here what is next and reports what came of it. */

export interface QueueItem {
  /** Also the transaction ID: the server answers a repeated one with the event it made the first time. */
  readonly id: string;
  readonly roomId: string;
  /** Items of a room go out in this order. */
  readonly position: number;
  readonly type: string;
  readonly content: Readonly<Record<string, unknown>>;
  readonly createdAt: number;
  /** Ciphertext, made once, so that a retry sends the very same event. */
  readonly wire?: { readonly type: string; readonly content: Readonly<Record<string, unknown>> };
  /** The event that a redaction takes back. */
  readonly redacts?: string;
  /** What is known of the file that lies beside the item until it is uploaded. */
  readonly file?: Pick<OutgoingFile, "kind" | "name" | "durationMs" | "waveform">;
  /** Once the server has it. */
  readonly eventId?: string;
  readonly sentAt?: number;
  readonly attempts: number;
  readonly state: "waiting" | "sending" | "sent" | "failed";
  readonly failure?: string;
  /** The server has asked to send slower: not before this time (ms since 1970). */
  readonly slowUntil?: number;
}

export type Outcome =
  | { readonly kind: "sent"; readonly eventId: string }
  /** No answer, or one that says nothing about this event. */
  | { readonly kind: "unreachable" }
  /** The server asks to wait so long. */
  | { readonly kind: "limited"; readonly retryAfterMs: number }
  /** Trying again would bring the same answer. */
  | { readonly kind: "refused"; readonly code: string };

export const BACKOFF_MS_MAX = 60_000;
const BACKOFF_MS_FIRST = 1_000;

/** Full jitter: thousands of clients that lost the same server must not come back at the same moments. */
export function backoffMs(attempts: number, random: number): number {
  return Math.round(random * Math.min(BACKOFF_MS_MAX, BACKOFF_MS_FIRST * 2 ** Math.min(attempts, 16)));
}

/** The first item of each room, if it may go out now. Failed ones stand aside; a room whose first is being sent waits for it. */
export function nextItems(items: readonly QueueItem[], busyRooms: ReadonlySet<string>): readonly QueueItem[] {
  const first = new Map<string, QueueItem>();
  for (const item of items) {
    if (item.state === "sent" || item.state === "failed") continue;
    const other = first.get(item.roomId);
    if (!other || item.position < other.position) first.set(item.roomId, item);
  }
  return [...first.values()].filter(({ roomId }) => !busyRooms.has(roomId));
}

/** The item after an attempt, and how long its room pauses before the next one. */
export function applyOutcome(tried: QueueItem, outcome: Outcome, now: number, random: number): { readonly item: QueueItem; readonly pauseMs: number } {
  const { slowUntil: _before, ...item } = tried;
  switch (outcome.kind) {
    case "sent":
      return { item: { ...item, state: "sent", eventId: outcome.eventId, sentAt: now }, pauseMs: 0 };
    case "unreachable":
      return { item: { ...item, state: "waiting", attempts: item.attempts + 1 }, pauseMs: backoffMs(item.attempts, random) };
    case "limited":
      return { item: { ...item, state: "waiting", attempts: item.attempts + 1, slowUntil: now + outcome.retryAfterMs }, pauseMs: Math.max(0, outcome.retryAfterMs) };
    case "refused":
      return { item: { ...item, state: "failed", failure: outcome.code, attempts: item.attempts + 1 }, pauseMs: 0 };
  }
}

/** After a start: what was being sent when the process died is sent again under the same transaction ID. */
export function recoverItems(items: readonly QueueItem[]): readonly QueueItem[] {
  return items.map((item) => (item.state === "sending" ? { ...item, state: "waiting" as const } : item)).sort((a, b) => a.position - b.position);
}

/** A failed item tried again by hand. The server made no event of it, so its ID may be used once more; it is encrypted anew. */
export function retryItem(item: QueueItem, position: number): QueueItem {
  const { failure: _failure, wire: _wire, slowUntil: _slow, ...kept } = item;
  return { ...kept, position, attempts: 0, state: "waiting" };
}

const PERMANENT_STATUS: ReadonlySet<number> = new Set([400, 403, 404, 405, 413, 415]);

/** What an HTTP answer means for the item. */
export function outcomeOf(status: number | undefined, code: string | undefined, retryAfterMs: number | undefined, attempts: number, random: number): Outcome {
  if (status === 429 || (status === 503 && retryAfterMs !== undefined)) return { kind: "limited", retryAfterMs: retryAfterMs ?? backoffMs(attempts + 2, random) };
  if (status !== undefined && PERMANENT_STATUS.has(status)) return { kind: "refused", code: code ?? "M_UNKNOWN" };
  return { kind: "unreachable" };
}

/** Whether the server cannot have it: its event was never on its way, or was refused each time. */
export function mayCancel(item: QueueItem): boolean {
  if (item.state === "sent") return false;
  if (item.state === "failed") return true;
  if (item.state === "waiting" && item.attempts === 1 && item.slowUntil !== undefined) return true;
  // After a crash too the ciphertext says that the event may have been on its way.
  if (item.redacts === undefined) return item.wire === undefined;
  return item.state === "waiting" && item.attempts === 0;
}
