import { Archive, ArchiveRestore, FolderPlus, LogOut, MailCheck, MailOpen, Pin, PinOff } from "lucide-react";
import type { Chat, ChatSummary } from "@/domain/engine";
import type { MenuEntry } from "../common/Menu";
import { buildMuteEntry } from "./mute_entries";

type Translate = (key: string) => string;

export interface ChatMenuAsks {
  readonly newFolder: () => void;
  readonly leave: () => void;
  readonly failed: (problem: unknown) => void;
}

export function buildChatMenu(summary: ChatSummary, chat: Chat, folders: readonly string[], t: Translate, asks: ChatMenuAsks): readonly MenuEntry[] {
  const flags = (change: Parameters<Chat["setListFlags"]>[0]) => void chat.setListFlags(change).catch(asks.failed);
  const unread = summary.unread > 0 || summary.markedUnread;
  return [
    { key: "pin", label: summary.pinned ? t("chats.unpin") : t("chats.pin"), icon: summary.pinned ? PinOff : Pin, onSelect: () => flags({ pinned: !summary.pinned }) },
    buildMuteEntry(summary, Date.now(), t, (mutedUntil) => flags({ mutedUntil })),
    unread
      ? { key: "read", label: t("chats.mark_read"), icon: MailOpen, onSelect: () => chat.markRead() }
      : { key: "unread", label: t("chats.mark_unread"), icon: MailCheck, onSelect: () => void chat.markUnread().catch(asks.failed) },
    { key: "archive", label: summary.archived ? t("chats.unarchive") : t("chats.archive"), icon: summary.archived ? ArchiveRestore : Archive, onSelect: () => flags({ archived: !summary.archived }) },
    { key: "folder", label: t("chats.folder"), icon: FolderPlus, entries: [
      ...folders.map((folder): MenuEntry => ({ key: `in-${folder}`, label: folder, checked: summary.folders.includes(folder), onSelect: () => flags({ folders: summary.folders.includes(folder) ? summary.folders.filter((each) => each !== folder) : [...summary.folders, folder] }) })),
      { key: "new", label: t("chats.new_folder"), onSelect: asks.newFolder },
    ] },
    { key: "line", separator: true },
    { key: "leave", label: t("chats.leave"), icon: LogOut, mirrored: true, danger: true, onSelect: asks.leave },
  ];
}
