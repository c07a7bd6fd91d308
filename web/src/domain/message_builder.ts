import { type EventRecord, relationOf } from "./event_record";
import type { Message, MessageBody, MessageStatus, Reaction, ThreadNote } from "./message";
import { parseEnvelope } from "./message_envelope";
import { parseMessageBody } from "./message_body";
import { buildPollResults } from "./polls";
import { readChild } from "./untrusted";

/** What a message's looks depend on besides its own event. */
export interface MessageContext {
  readonly ownUserId: string;
  readonly nameOf: (userId: string, fallback: string) => string;
  /** False for what has expired, or was deleted on this device only. */
  readonly isVisible: (record: EventRecord) => boolean;
  readonly isPinned: (eventId: string) => boolean;
  readonly isStarred: (eventId: string) => boolean;
  /** How far somebody else's message has come, of which it says `claimed` itself. */
  readonly hopOf?: (body: MessageBody, claimed: number) => number;
  readonly threadOf?: (eventId: string) => ThreadNote | undefined;
  /** Who has received and read our message at this place in the history. */
  readonly deliveredTo: (order: number) => readonly string[];
  readonly readBy: (order: number) => readonly string[];
}

const REACTION_KINDS_MAX = 100;
const REACTION_SENDERS_MAX = 1_000;

const MESSAGE_TYPES: ReadonlySet<string> = new Set([
  "m.room.message",
  "m.room.encrypted",
  "m.sticker",
  "m.poll.start",
  "org.matrix.msc3381.poll.start",
  "m.call.invite",
]);

/** Whether the event stands in the timeline as a message of its own. */
export function isMessageType(record: EventRecord): boolean {
  return record.stateKey === undefined && MESSAGE_TYPES.has(record.type) && relationOf(record)?.type !== "edit";
}

export function buildMessage(record: EventRecord, order: number, related: readonly EventRecord[], context: MessageContext): Message {
  const edit = record.redactedBy === undefined ? latestEdit(record, related) : undefined;
  const envelope = parseEnvelope(record.content);
  const relation = relationOf(record);
  const isOwn = record.sender === context.ownUserId;
  const deliveredTo = isOwn ? context.deliveredTo(order) : [];
  const readBy = isOwn ? context.readBy(order) : [];
  const body = bodyOf(record, edit);
  // What was edited in may have come further than what stood there first.
  const claimedHop = Math.max(envelope.hop, edit === undefined ? 0 : parseEnvelope(readChild(edit.content, "m.new_content") ?? {}).hop);
  const thread = context.threadOf?.(record.eventId);
  return {
    id: record.transactionId ?? record.eventId,
    eventId: record.eventId,
    roomId: record.roomId,
    sender: record.sender,
    senderName: context.nameOf(record.sender, record.senderName),
    isOwn,
    sentAt: record.sentAt,
    body,
    ...(relation?.replyTo === undefined ? {} : { replyTo: relation.replyTo }),
    ...(relation?.type === "thread" ? { threadRoot: relation.eventId } : {}),
    ...(thread === undefined ? {} : { thread }),
    edited: edit !== undefined,
    reactions: record.redactedBy === undefined ? gatherReactions(related, context.ownUserId) : [],
    status: statusOf(deliveredTo, readBy),
    ...(isOwn ? { heldSince: record.sentAt } : {}),
    deliveredTo,
    readBy,
    hop: isOwn ? claimedHop : (context.hopOf?.(body, claimedHop) ?? claimedHop),
    ...(envelope.disappearAfterS > 0 ? { expiresAt: record.sentAt + envelope.disappearAfterS * 1_000 } : {}),
    viewOnce: envelope.viewOnce,
    pinned: context.isPinned(record.eventId),
    starred: context.isStarred(record.eventId),
    encrypted: record.encrypted,
    ...(body.kind === "poll" ? { pollResults: buildPollResults(body, record.sender, related, context.ownUserId) } : {}),
    shield: record.shield,
  };
}

/** A hostile event becomes "broken"; the timeline goes on. */
export function bodyOf(record: EventRecord, edit?: EventRecord): MessageBody {
  if (record.redactedBy !== undefined) return { kind: "deleted", by: record.redactedBy };
  if (record.undecryptable) return { kind: "undecryptable", reason: record.undecryptable };
  try {
    const content = (edit && readChild(edit.content, "m.new_content")) ?? record.content;
    return parseMessageBody({ type: record.type, content, sender: record.sender, eventId: record.eventId });
  } catch {
    return { kind: "broken", type: record.type };
  }
}

/** Only its sender may edit a message, and not into another type. */
function latestEdit(record: EventRecord, related: readonly EventRecord[]): EventRecord | undefined {
  return related.findLast(
    (candidate) =>
      candidate.sender === record.sender &&
      candidate.type === record.type &&
      candidate.redactedBy === undefined &&
      relationOf(candidate)?.type === "edit" &&
      // An edit in the open must not replace what was said encrypted.
      (candidate.encrypted || !record.encrypted) &&
      readChild(candidate.content, "m.new_content") !== undefined,
  );
}

function gatherReactions(related: readonly EventRecord[], ownUserId: string): readonly Reaction[] {
  const byKey = new Map<string, { senders: Set<string>; mine?: string }>();
  for (const record of related) {
    const relation = relationOf(record);
    if (relation?.type !== "reaction" || relation.key === undefined || record.type !== "m.reaction") continue;
    let reaction = byKey.get(relation.key);
    if (!reaction) {
      if (byKey.size >= REACTION_KINDS_MAX) continue;
      reaction = { senders: new Set() };
      byKey.set(relation.key, reaction);
    }
    if (reaction.senders.size < REACTION_SENDERS_MAX) reaction.senders.add(record.sender);
    if (record.sender === ownUserId) reaction.mine = record.eventId;
  }
  return [...byKey].map(([key, { senders, mine }]) => ({ key, senders: [...senders], ...(mine === undefined ? {} : { mine }) }));
}

function statusOf(deliveredTo: readonly string[], readBy: readonly string[]): MessageStatus {
  if (readBy.length > 0) return "read";
  return deliveredTo.length > 0 ? "delivered" : "held";
}
