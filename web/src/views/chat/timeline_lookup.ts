import type { TimelineItem } from "@/domain/engine";
import type { Message } from "@/domain/message";

/** Where an event stands, looked for from the newest: what people jump to is mostly near. -1 if it is not loaded. */
export function findEvent(items: readonly TimelineItem[], eventId: string): number {
  return items.findLastIndex((item) => item.type === "message" && (item.message.eventId === eventId || item.message.id === eventId || item.message.album?.some((message) => message.eventId === eventId) === true));
}

const near_max = 400;

/** The message if it is among the newest that are loaded: a bounded look, since every quote on the screen asks. */
export function findNearby(items: readonly TimelineItem[], eventId: string): Message | undefined {
  for (let at = items.length - 1; at >= Math.max(0, items.length - near_max); at -= 1) {
    const item = items[at]!;
    if (item.type === "message" && item.message.eventId === eventId) return item.message;
  }
  return undefined;
}

/** What the up arrow in an empty field edits. */
export function findLastOwnText(items: readonly TimelineItem[]): Message | undefined {
  const last = items.findLast((item) => item.type === "message" && item.message.isOwn && item.message.body.kind === "text" && item.message.eventId !== undefined);
  return last?.type === "message" ? last.message : undefined;
}

const line_px = 22;
const letters_per_line = 52;

/** A guess of an item's height before it is drawn; the closer, the calmer the scroll bar. */
export function estimateHeight(item: TimelineItem | undefined): number {
  if (!item) return 40;
  if (item.type !== "message") return item.type === "date" || item.type === "unread" ? 44 : 32;
  const { message } = item;
  const extra = (item.opensGroup ? 8 : 0) + (message.reactions.length ? 26 : 0) + (message.replyTo ? 52 : 0) + (message.thread ? 34 : 0) + 18;
  switch (message.body.kind) {
    case "text": return extra + Math.min(16, Math.ceil(message.body.text.length / letters_per_line) || 1) * line_px;
    case "image": case "video": case "sticker": return extra + 260;
    case "poll": return extra + 260;
    case "location": return extra + 190;
    case "contact": case "file": case "voice": case "audio": return extra + 76;
    default: return extra + line_px;
  }
}
