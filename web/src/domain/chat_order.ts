import type { ChatSummary } from "./engine";

/** Invitations first, then what is pinned, then by the newest message. */
export function compareChats(a: ChatSummary, b: ChatSummary): number {
  return rank(a) - rank(b) || (b.last?.sentAt ?? 0) - (a.last?.sentAt ?? 0) || (a.roomId < b.roomId ? -1 : 1);
}

function rank(chat: ChatSummary): number {
  if (chat.membership === "invite") return 0;
  return chat.pinned ? 1 : 2;
}
