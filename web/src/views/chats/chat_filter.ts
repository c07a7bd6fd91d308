import type { ChatSummary } from "@/domain/engine";
import { compareChats } from "@/domain/chat_order";
import { foldText } from "@/domain/arabic_text";

/** "folder:" and its name for a person's own folders. */
export type ChatFilter = "all" | "unread" | "groups" | "channels" | "archive" | `folder:${string}`;

function isUnread(chat: ChatSummary): boolean {
  return chat.unread > 0 || chat.markedUnread || chat.mentions > 0;
}

function belongs(chat: ChatSummary, filter: ChatFilter): boolean {
  if (filter === "archive") return chat.archived;
  if (chat.archived) return false;
  if (filter === "all") return true;
  if (filter === "unread") return isUnread(chat);
  if (filter === "groups") return chat.kind === "group" || chat.kind === "community";
  if (filter === "channels") return chat.kind === "channel";
  return chat.folders.includes(filter.slice("folder:".length));
}

export interface SortedChats {
  readonly requests: readonly ChatSummary[];
  readonly shown: readonly ChatSummary[];
  readonly archivedCount: number;
  readonly folders: readonly string[];
  readonly unreadCount: number;
}

/** What the list shows. Words are looked for in all chats, whatever the filter. */
export function sortChats(chats: readonly ChatSummary[], filter: ChatFilter, words: string): SortedChats {
  const wanted = foldText(words.trim());
  const live = chats.filter((chat) => chat.membership !== "leave");
  const joined = live.filter((chat) => chat.membership !== "invite");
  const matches = (chat: ChatSummary) => foldText(chat.name).includes(wanted) || (chat.peer?.userId.toLowerCase().includes(wanted) ?? false);
  // Nobody has sorted a request yet: it is no group and in no archive.
  const takesRequests = filter === "all" || filter === "unread";
  return {
    requests: live.filter((chat) => chat.membership === "invite" && (wanted ? matches(chat) : takesRequests)),
    shown: joined.filter((chat) => (wanted ? matches(chat) : belongs(chat, filter))).sort(compareChats),
    archivedCount: joined.filter((chat) => chat.archived).length,
    folders: [...new Set(joined.flatMap((chat) => chat.folders))].sort((a, b) => a.localeCompare(b)),
    unreadCount: joined.filter((chat) => isUnread(chat) && !chat.archived).length,
  };
}
