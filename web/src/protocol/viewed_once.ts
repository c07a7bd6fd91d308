import type { HistoryEntry } from "@/domain/event_record";
import { relationOf } from "@/domain/event_record";
import { parseEnvelope } from "@/domain/message_envelope";
import type { Account } from "./account";
import { VIEWED_EVENT } from "./chat_actions";

/**
 * What was to be seen once and was seen, on whatever device of ours, has nothing left to show: its key goes from the history,
 * however late the message or the word of its being seen comes in.
 */
export async function forgetViewed(account: Account, roomId: string, entries: readonly HistoryEntry[]): Promise<void> {
  const { histories, archive, userId } = account;
  for (const entry of entries) {
    if (entry.kind !== "event" || entry.record.redactedBy !== undefined) continue;
    const { record } = entry;
    if (record.type === VIEWED_EVENT && record.sender === userId) {
      const target = relationOf(record)?.eventId;
      const viewed = target === undefined ? undefined : await histories.of(roomId).find(target);
      if (viewed && viewed.sender !== userId && parseEnvelope(viewed.content).viewOnce) await histories.of(roomId).redactLocally(viewed.eventId, userId);
    } else if (record.sender !== userId && parseEnvelope(record.content).viewOnce) {
      const related = await archive.related(roomId, record.eventId);
      const isViewed = related.some((other) => other.kind === "event" && other.record.type === VIEWED_EVENT && other.record.sender === userId);
      if (isViewed) await histories.of(roomId).redactLocally(record.eventId, userId);
    }
  }
}
