import { type Relation, parseRelation } from "./relation";
import { VIEW_ONCE_FIELD } from "./message_envelope";
import type { Message, UndecryptableReason } from "./message";

/** An event of a room as the archive keeps it: decrypted, with what is needed to show it offline. Its content is still hostile. */
export interface EventRecord {
  readonly eventId: string;
  readonly roomId: string;
  readonly type: string;
  readonly sender: string;
  /** The sender's name when the event was received; the room's members know better while they are loaded. */
  readonly senderName: string;
  readonly sentAt: number;
  readonly content: Readonly<Record<string, unknown>>;
  readonly stateKey?: string;
  readonly previousContent?: Readonly<Record<string, unknown>>;
  /** Set on events this device sent: it keeps a message's key the same before and after the server has it. */
  readonly transactionId?: string;
  readonly redactedBy?: string;
  /** Expired, or deleted on this device only: its place is kept, so that sync does not bring it back. */
  readonly gone?: true;
  readonly encrypted: boolean;
  readonly undecryptable?: UndecryptableReason;
  /** As it came from the server, kept while it cannot be decrypted, so that it can be tried again. */
  readonly raw?: Readonly<Record<string, unknown>>;
  readonly shield: Message["shield"];
}

/** A place in a room's history on this device: an event, or a hole whose events the server still has. */
export type HistoryEntry =
  | { readonly kind: "event"; readonly order: number; readonly record: EventRecord }
  | { readonly kind: "gap"; readonly order: number; readonly token: string };

export function relationOf(record: EventRecord): Relation | undefined {
  return record.redactedBy === undefined ? parseRelation(record.content) : undefined;
}

/** The same record without what its sender took back. That it was to be seen once is kept: such a message was opened, not deleted. */
export function redactRecord(record: EventRecord, redactedBy: string): EventRecord {
  const { previousContent: _previous, undecryptable: _undecryptable, raw: _raw, ...kept } = record;
  const content = record.content[VIEW_ONCE_FIELD] === true ? { [VIEW_ONCE_FIELD]: true } : {};
  // An edit that is taken back was never a message of its own.
  return { ...kept, content, redactedBy, ...(relationOf(record)?.type === "edit" ? { gone: true as const } : {}) };
}

export function hideRecord(record: EventRecord): EventRecord {
  return { ...redactRecord(record, record.redactedBy ?? ""), content: {}, gone: true };
}
