import type { EventRecord } from "./event_record";
import { localUri } from "./media/local_uri";
import { buildMessage, type MessageContext } from "./message_builder";
import type { Message } from "./message";
import type { QueueItem } from "./send_queue";

const RELATION_TYPES: ReadonlySet<string> = new Set(["m.reaction", "m.poll.response", "org.matrix.msc3381.poll.response", "m.poll.end", "org.matrix.msc3381.poll.end"]);

/** A queued item as the event it will become. */
export function recordOfItem(item: QueueItem, ownUserId: string, ownName: string, encrypted: boolean): EventRecord {
  return {
    eventId: item.eventId ?? item.id,
    roomId: item.roomId,
    type: item.type,
    sender: ownUserId,
    senderName: ownName,
    sentAt: item.sentAt ?? item.createdAt,
    content: shownContent(item),
    transactionId: item.id,
    encrypted,
    shield: "ok",
  };
}

/** Until its file is uploaded, the file itself is shown. */
function shownContent({ id, file, content }: QueueItem): EventRecord["content"] {
  return file && !("url" in content) && !("file" in content) ? { ...content, url: localUri(id) } : content;
}

/** True for what changes another message instead of standing in the timeline itself. */
export function isRelationItem(item: QueueItem): boolean {
  const relatesTo = item.content["m.relates_to"];
  const isEdit = typeof relatesTo === "object" && relatesTo !== null && "rel_type" in relatesTo && relatesTo.rel_type === "m.replace";
  return RELATION_TYPES.has(item.type) || isEdit || item.type.startsWith("org.zajil.");
}

export function buildOutgoing(item: QueueItem, record: EventRecord, related: readonly EventRecord[], context: MessageContext): Message {
  const { eventId: _local, heldSince: _held, ...message } = buildMessage(record, Infinity, related, context);
  const status = item.state === "sent" ? ("held" as const) : item.state;
  return { ...message, status, deliveredTo: [], readBy: [], ...(item.failure === undefined ? {} : { failure: item.failure }), ...(item.slowUntil === undefined ? {} : { slowUntil: item.slowUntil }), ...(item.eventId === undefined ? {} : { eventId: item.eventId, heldSince: item.sentAt ?? item.createdAt }) };
}
