import type { MessageContext } from "@/domain/message_builder";
import { buildOutgoing, isRelationItem, recordOfItem } from "@/domain/outgoing_message";
import type { TimelineModel } from "@/domain/timeline";
import type { Account } from "./account";

export interface OutgoingPlace {
  readonly account: Account;
  readonly roomId: string;
  readonly model: TimelineModel;
  readonly context: MessageContext;
  /** False while an earlier part of the history is shown: what is being sent stands at the end only. */
  readonly showsNew: boolean;
}

/** Puts what the queue has for a room into a timeline: new messages at its end, edits, reactions and deletions onto what they change. */
export function placeOutgoing({ account, roomId, model, context, showsNew }: OutgoingPlace): void {
  const { queue, userId, client } = account;
  const encrypted = client.getRoom(roomId)?.hasEncryptionStateEvent() ?? false;
  const name = context.nameOf(userId, userId);
  const waiting = queue.items.get().filter((item) => item.roomId === roomId && !(item.eventId !== undefined && model.has(item.eventId)) && !model.hasTransaction(item.id));
  const records = waiting.map((item) => recordOfItem(item, userId, name, encrypted));
  const relations = records.filter((_, index) => isRelationItem(waiting[index]!) && waiting[index]!.redacts === undefined);
  model.setPending(relations, new Set(waiting.flatMap(({ redacts, state }) => (redacts === undefined || state === "failed" ? [] : [redacts]))));
  const outgoing = waiting.flatMap((item, index) => {
    if (isRelationItem(item) || item.redacts !== undefined) return [];
    const record = records[index]!;
    return [buildOutgoing(item, record, model.related(record.eventId), context)];
  });
  model.setOutgoing(showsNew ? outgoing : []);
}
