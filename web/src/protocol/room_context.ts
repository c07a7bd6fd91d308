import { cleanName } from "@/domain/bidi";
import type { ForwardGuard } from "@/domain/forward_guard/forward_guard";
import { guardedContent } from "@/domain/forward_guard/guarded_content";
import type { MessageContext } from "@/domain/message_builder";
import { parseEnvelope } from "@/domain/message_envelope";
import type { Account } from "./account";
import { localpart, memberName } from "./event_adapter";
import type { MessageFlags } from "./message_flags";
import type { Threads } from "./threads";
import type { RoomTicks } from "./ticks";

/** What a room's messages are built with. */
export function buildContext(account: Account, flags: MessageFlags, roomId: string, ticks: RoomTicks, threads: Threads, guard: ForwardGuard): MessageContext {
  const { client, userId, now } = account;
  return {
    ownUserId: userId,
    nameOf: (personId, fallback) => cleanName(memberName(client.getRoom(roomId)?.getMember(personId)) ?? withoutServer(fallback)),
    isVisible(record) {
      if (record.gone || flags.hidden(roomId).has(record.eventId)) return false;
      const after = parseEnvelope(record.content).disappearAfterS;
      return after === 0 || record.sentAt + after * 1_000 > now();
    },
    isPinned: (eventId) => flags.pinned(roomId).has(eventId),
    hopOf: (body, claimed) => guard.effectiveHop(guardedContent(body), claimed),
    threadOf: (eventId) => threads.of(eventId),
    isStarred: (eventId) => flags.starred(roomId).has(eventId),
    deliveredTo: (order) => ticks.deliveredTo(order),
    readBy: (order) => ticks.readBy(order),
  };
}

function withoutServer(name: string): string {
  return name.startsWith("@") ? localpart(name) : name;
}
