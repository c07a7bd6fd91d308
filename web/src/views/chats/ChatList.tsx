import { useVirtualizer } from "@tanstack/react-virtual";
import { useDeferredValue, useEffect, useMemo, useRef, useState, type KeyboardEvent } from "react";
import { Archive, ArrowLeft, MessageCirclePlus, Search, Settings, X } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import type { ChatSummary } from "@/domain/engine";
import { useReadable } from "../use_readable";
import { Avatar } from "../common/Avatar";
import { ConfirmDialog } from "../common/Dialog";
import { EmptyState } from "../common/EmptyState";
import { IconButton } from "../common/IconButton";
import { ContextMenu, Menu, type MenuEntry } from "../common/Menu";
import { useFormats } from "../common/locale";
import { useShowProblem } from "../common/Toasts";
import { sortChats, type ChatFilter } from "./chat_filter";
import { buildChatMenu } from "./chat_menu";
import { ChatRow } from "./ChatRow";
import { FilterChips } from "./FilterChips";
import { NewChatDialog } from "./NewChatDialog";
import { NewFolderDialog } from "./NewFolderDialog";
import css from "./ChatList.module.css";

export interface ChatListProps {
  readonly openRoom: string | null;
  readonly onOpenChat: (roomId: string) => void;
  readonly onOpenLink: (link: string) => void;
  readonly onOpenSettings: () => void;
  /** Other accounts, adding one, locking: the app's entries of the menu behind one's own picture. */
  readonly accountEntries?: readonly MenuEntry[];
  /** Opens the search through all messages, with the words that were typed. */
  readonly onSearchMessages?: (words: string) => void;
}

const row_rem = 4.5;
const minute_ms = 60_000;

function useMinute(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), minute_ms);
    return () => clearInterval(timer);
  }, []);
  return now;
}

export function ChatList({ openRoom, onOpenChat, onOpenLink, onOpenSettings, accountEntries, onSearchMessages }: ChatListProps) {
  const { t } = useTranslation();
  const formats = useFormats();
  const engine = useEngine();
  const showProblem = useShowProblem();
  const chats = useReadable(engine.chats);
  const profile = useReadable(engine.profile);
  const now = useMinute();
  const [words, setWords] = useState("");
  const [filter, setFilter] = useState<ChatFilter>("all");
  const [making, setMaking] = useState(false);
  const [folderFor, setFolderFor] = useState<ChatSummary | null>(null);
  const [leaving, setLeaving] = useState<ChatSummary | null>(null);
  const [focused, setFocused] = useState<string | null>(null);
  const deferredWords = useDeferredValue(words);
  const sorted = useMemo(() => sortChats(chats, filter, deferredWords), [chats, filter, deferredWords]);
  const rows = useMemo(() => [...sorted.requests, ...sorted.shown], [sorted]);
  const scroller = useRef<HTMLDivElement>(null);
  const target = useRef<ChatSummary | null>(null);
  const rem = typeof document === "undefined" ? 16 : Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
  const virtualizer = useVirtualizer({ count: rows.length, getScrollElement: () => scroller.current, estimateSize: () => row_rem * rem, overscan: 8, getItemKey: (at) => rows[at]?.roomId ?? at });

  const focusRow = (at: number) => {
    const row = rows[at];
    if (!row) return;
    setFocused(row.roomId);
    virtualizer.scrollToIndex(at, { align: "auto" });
    requestAnimationFrame(() => scroller.current?.querySelector<HTMLElement>(`[data-room="${CSS.escape(row.roomId)}"]`)?.focus());
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const at = rows.findIndex((row) => row.roomId === (event.target as Element).getAttribute("data-room"));
    if (at < 0) return;
    const next = { ArrowDown: Math.min(rows.length - 1, at + 1), ArrowUp: Math.max(0, at - 1), Home: 0, End: rows.length - 1, PageDown: Math.min(rows.length - 1, at + 8), PageUp: Math.max(0, at - 8) }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    focusRow(next);
  };
  const menuEntries = () => (target.current
    ? buildChatMenu(target.current, engine.openChat(target.current.roomId), sorted.folders, t, { newFolder: () => setFolderFor(target.current), leave: () => setLeaving(target.current), failed: showProblem })
    : []);
  const roving = rows.some((row) => row.roomId === focused) ? focused : rows.some((row) => row.roomId === openRoom) ? openRoom : rows[0]?.roomId;

  return (
    <nav className={css.pane} aria-label={t("chats.title")}>
      <div className={css.head}>
        <Menu
          align="start"
          trigger={<button type="button" className={css.me} aria-label={t("chats.my_account", { name: profile.name })}><Avatar id={profile.userId} name={profile.name} {...(profile.avatar ? { source: profile.avatar } : {})} size={36} /></button>}
          entries={[{ key: "settings", label: t("chats.settings"), icon: Settings, onSelect: onOpenSettings }, ...(accountEntries ?? [])]}
        />
        <h2 className={css.title}>{filter === "archive" ? t("chats.archive_title") : t("chats.title")}</h2>
        <IconButton label={t("new_chat.title_people")} icon={MessageCirclePlus} onClick={() => setMaking(true)} />
      </div>
      <div className={css.search} role="search">
        <Search size={18} aria-hidden="true" />
        <input
          type="search"
          dir="auto"
          className={css.words}
          aria-label={t("chats.search")}
          placeholder={t("chats.search")}
          value={words}
          onChange={(event) => setWords(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Escape" && words) { event.stopPropagation(); setWords(""); }
            if (event.key === "ArrowDown") { event.preventDefault(); focusRow(0); }
            if (event.key === "Enter" && rows[0]) onOpenChat(rows[0].roomId);
          }}
        />
        {words && <IconButton label={t("ui.clear")} icon={X} iconSize={18} onClick={() => setWords("")} />}
      </div>
      {filter === "archive"
        ? <button type="button" className={css.line} onClick={() => setFilter("all")}><ArrowLeft size={18} aria-hidden="true" className="mirrored" />{t("chats.back_to_all")}</button>
        : !words && <FilterChips filter={filter} folders={sorted.folders} unread={sorted.unreadCount} onFilter={setFilter} />}
      {words && onSearchMessages && <button type="button" className={css.line} onClick={() => onSearchMessages(words)}><Search size={18} aria-hidden="true" />{t("chats.search_messages", { words })}</button>}
      {filter === "all" && !words && sorted.archivedCount > 0 && (
        <button type="button" className={css.line} onClick={() => setFilter("archive")}><Archive size={18} aria-hidden="true" />{t("chats.archive_title")}<span className={css.count}>{formats.number(sorted.archivedCount)}</span></button>
      )}
      <ContextMenu entries={menuEntries}>
        <div
          ref={scroller}
          className={css.scroller}
          onKeyDown={onKeyDown}
          onContextMenuCapture={(event) => {
            const id = (event.target as Element).closest("[data-room]")?.getAttribute("data-room");
            target.current = rows.find((row) => row.roomId === id) ?? null;
            if (!target.current || target.current.membership === "invite") event.stopPropagation();
          }}
        >
          {rows.length === 0 && <Nothing words={words} filter={filter} />}
          <ul className={css.list} aria-label={t("chats.title")} style={{ blockSize: virtualizer.getTotalSize() }}>
            {virtualizer.getVirtualItems().map((item) => {
              const chat = rows[item.index];
              if (!chat) return null;
              return (
                <li key={item.key} className={css.item} style={{ blockSize: item.size, transform: `translateY(${item.start}px)` }}>
                  <a
                    href={`#/${encodeURIComponent(chat.roomId)}`}
                    draggable={false}
                    data-room={chat.roomId}
                    className={css.link}
                    tabIndex={chat.roomId === roving ? 0 : -1}
                    aria-current={chat.roomId === openRoom ? "page" : undefined}
                    onFocus={() => setFocused(chat.roomId)}
                    onClick={(event) => { event.preventDefault(); onOpenChat(chat.roomId); }}
                  >
                    {chat.membership === "invite" && <span className={css.request}>{t("chats.request")}</span>}
                    <ChatRow chat={chat} open={chat.roomId === openRoom} now={now} />
                  </a>
                </li>
              );
            })}
          </ul>
        </div>
      </ContextMenu>
      {making && <NewChatDialog onClose={() => setMaking(false)} onOpenChat={onOpenChat} onOpenLink={onOpenLink} />}
      {folderFor && <NewFolderDialog onClose={() => setFolderFor(null)} onMake={(name) => void engine.openChat(folderFor.roomId).setListFlags({ folders: [...folderFor.folders, name] }).catch(showProblem)} />}
      <ConfirmDialog open={leaving !== null} onOpenChange={() => setLeaving(null)} title={t("chats.leave_title")} description={t("chats.leave_text")} confirm={t("chats.leave")} danger onConfirm={() => { if (leaving) void engine.openChat(leaving.roomId).leave().catch(showProblem); }} />
    </nav>
  );
}

function Nothing({ words, filter }: { readonly words: string; readonly filter: ChatFilter }) {
  const { t } = useTranslation();
  if (words) return <EmptyState icon={Search} title={t("chats.nothing_found")}>{t("chats.nothing_found_text")}</EmptyState>;
  if (filter === "all") return <EmptyState icon={MessageCirclePlus} title={t("chats.empty")}>{t("chats.empty_text")}</EmptyState>;
  return <EmptyState title={filter === "unread" ? t("chats.all_read") : t("chats.nothing_here")} />;
}
