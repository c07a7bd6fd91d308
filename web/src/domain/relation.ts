import { readField, readRecord } from "./untrusted";

/** What an event says about another one (client-server API, "Forming relationships between events"). */
export interface Relation {
  readonly type: "edit" | "reaction" | "reference" | "thread" | "reply";
  readonly eventId: string;
  /** The emoji of a reaction. */
  readonly key?: string;
  /** The event that is replied to, in a thread too. */
  readonly replyTo?: string;
}

const ID_LENGTH_MAX = 255;
const REACTION_LENGTH_MAX = 64;

const TYPES: Readonly<Record<string, Relation["type"]>> = {
  "m.replace": "edit",
  "m.annotation": "reaction",
  "m.reference": "reference",
  "m.thread": "thread",
};

export function parseRelation(content: Readonly<Record<string, unknown>>): Relation | undefined {
  const relatesTo = readRecord(readField(content, "m.relates_to"));
  if (!relatesTo) return undefined;
  const replyTo = idOf(readField(readRecord(readField(relatesTo, "m.in_reply_to")), "event_id"));
  const eventId = idOf(readField(relatesTo, "event_id"));
  const relType = readField(relatesTo, "rel_type");
  const type = typeof relType === "string" && Object.hasOwn(TYPES, relType) ? TYPES[relType] : undefined;
  if (type === undefined || eventId === undefined) {
    return replyTo === undefined ? undefined : { type: "reply", eventId: replyTo, replyTo };
  }
  if (type === "reaction") {
    const key = relatesTo["key"];
    if (typeof key !== "string" || key === "" || key.length > REACTION_LENGTH_MAX) return undefined;
    return { type, eventId, key };
  }
  // The fallback reply of a thread is for clients without threads: nobody replied.
  const isFallback = type === "thread" && relatesTo["is_falling_back"] === true;
  return replyTo === undefined || isFallback ? { type, eventId } : { type, eventId, replyTo };
}

function idOf(value: unknown): string | undefined {
  return typeof value === "string" && value.length > 0 && value.length <= ID_LENGTH_MAX ? value : undefined;
}
