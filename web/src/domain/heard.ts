/** Voice messages that were listened to on this device. What is older than the first of it counts as heard: nobody wants dots on years of history. */
export interface Heard {
  readonly since: number;
  readonly eventIds: ReadonlySet<string>;
}

export const HEARD_MAX = 1_000;

export function isHeard(heard: Heard, message: { readonly eventId?: string; readonly sentAt: number; readonly isOwn: boolean }): boolean {
  return message.isOwn || message.sentAt < heard.since || message.eventId === undefined || heard.eventIds.has(message.eventId);
}

export function addHeard(heard: Heard, eventId: string): Heard {
  return { ...heard, eventIds: new Set([...heard.eventIds, eventId].slice(-HEARD_MAX)) };
}
