/** Disappearing messages: the choices, and when a message goes. The time runs from sending, so that all devices forget it together. */

/** 0 = off; seconds. */
export const DISAPPEAR_CHOICES_S: readonly number[] = [0, 30, 300, 3_600, 28_800, 86_400, 604_800, 2_592_000, 7_776_000];
export const DISAPPEAR_S_LONGEST = 7_776_000;

/**
 * When the message goes, ms since 1970; undefined if it stays. `receivedAt` caps it: a sender's clock that runs ahead must not keep a message longer
 * than its time on this device.
 */
export function expiryOf(sentAt: number, afterS: number, receivedAt: number = sentAt): number | undefined {
  if (!Number.isFinite(afterS) || afterS <= 0) return undefined;
  const start = Number.isFinite(sentAt) ? Math.min(sentAt, receivedAt) : receivedAt;
  return start + Math.min(afterS, DISAPPEAR_S_LONGEST) * 1_000;
}

export function isExpired(expiresAt: number | undefined, now: number): boolean {
  return expiresAt !== undefined && expiresAt <= now;
}

/** When to look again: the earliest expiry still to come; undefined if there is none. */
export function nextExpiry(expiries: Iterable<number | undefined>, now: number): number | undefined {
  let next: number | undefined;
  for (const expiry of expiries) if (expiry !== undefined && expiry > now && (next === undefined || expiry < next)) next = expiry;
  return next;
}

/** The nearest of the offered times, for a value that another client set. */
export function nearestChoice(afterS: number): number {
  if (!Number.isFinite(afterS) || afterS <= 0) return 0;
  return DISAPPEAR_CHOICES_S.slice(1).reduce((best, choice) => (Math.abs(Math.log(choice / afterS)) < Math.abs(Math.log(best / afterS)) ? choice : best));
}

/** Seconds left until the next change of a countdown's text: each second at the end, each minute before, then each hour. */
export function countdownStepMs(leftMs: number): number {
  if (leftMs <= 60_000) return 1_000;
  return leftMs <= 3_600_000 ? 60_000 : 3_600_000;
}

/** "sealed": can be opened once; "opened": it was, and is gone; "sent": ours, which we cannot open. */
export type ViewOnceState = "sealed" | "opened" | "sent";

export function viewOnceState(message: { readonly isOwn: boolean; readonly viewedAt?: number }): ViewOnceState {
  if (message.isOwn) return "sent";
  return message.viewedAt === undefined ? "sealed" : "opened";
}
