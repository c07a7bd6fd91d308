import type { Message } from "@/domain/message";
import { buildMessage, isMessageType, type MessageContext } from "@/domain/message_builder";
import type { Account } from "./account";
import type { MessageFlags } from "./message_flags";

const STARRED_MAX = 500;

/** A message that need not be on the screen: from this device, else from the server. Undefined if it is nowhere, or not to be seen any more. */
export async function loadMessage(account: Account, context: MessageContext, roomId: string, eventId: string): Promise<Message | undefined> {
  const history = account.histories.of(roomId);
  const record = (await history.find(eventId)) ?? (await history.fetch(eventId));
  if (!record || !isMessageType(record) || !context.isVisible(record)) return undefined;
  const related = await account.archive.related(roomId, eventId);
  const records = related.flatMap((entry) => (entry.kind === "event" ? [entry.record] : []));
  return buildMessage(record, (await history.orderOf(eventId)) ?? -Infinity, records, context);
}

/** What is starred in all chats, the newest first. No chat is opened for it. */
export async function loadStarred(account: Account, flags: MessageFlags, contextOf: (roomId: string) => MessageContext): Promise<readonly Message[]> {
  const wanted = account.client.getRooms().flatMap((room) => (room.getMyMembership() === "join" ? [...flags.starred(room.roomId)].map((eventId) => ({ roomId: room.roomId, eventId })) : []));
  // Within a room one looks after the other anyway, and no other room waits for it.
  const found = await Promise.all(wanted.slice(-STARRED_MAX).map(({ roomId, eventId }) => loadMessage(account, contextOf(roomId), roomId, eventId).catch(() => undefined)));
  return found.flatMap((message) => (message === undefined || message.body.kind === "deleted" ? [] : [message])).sort((a, b) => b.sentAt - a.sentAt);
}
