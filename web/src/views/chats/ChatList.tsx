import { useVirtualizer } from "@tanstack/react-virtual";
import { useDeferredValue, useMemo, useRef, useState, type KeyboardEvent, type ReactNode, type RefObject } from "react";
import { Archive, ArrowLeft, MessageCirclePlus, Search } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import type { ChatSummary } from "@/domain/engine";
import { useReadable } from "../use_readable";
import { EmptyState } from "../common/EmptyState";
import { ContextMenu, type MenuEntry } from "../common/Menu";
import { useFormats } from "../common/locale";
import { useShowProblem } from "../common/Toasts";
import { useNow } from "../common/use_now";
import { GlobalResults } from "../search/GlobalResults";
import { sortChats, type ChatFilter } from "./chat_filter";
import { buildChatMenu } from "./chat_menu";
import { ChatListDialogs, type ChatListDialog } from "./ChatListDialogs";
import { ChatListHead, ChatSearch } from "./ChatListHead";
import { ChatRow } from "./ChatRow";
import { FilterChips } from "./FilterChips";
import { PrivateChatsLine, useHiddenCount } from "./PrivateChatsLine";
import css from "./ChatList.module.css";

export interface ChatListProps {
  /** It stands alone on the page. */
  readonly isPage?: boolean;
  readonly openRoom: string | null;
  readonly onOpenChat: (roomId: string) => void;
  readonly onOpenLink: (link: string) => void;
  readonly onOpenSettings: () => void;
  /** Other accounts, adding one, locking: the app's entries of the menu behind one's own picture. */
  readonly accountEntries?: readonly MenuEntry[];
  /** Shows a message that was found in its chat. */
  readonly onOpenMessage?: (roomId: string, eventId: string) => void;
  readonly onOpenPerson?: (userId: string) => void;
}

const row_rem = 4.5;
const page_rows = 8;

interface Rows {
  readonly rows: readonly ChatSummary[];
  readonly openRoom: string | null;
  readonly onOpenChat: (roomId: string) => void;
}

/** The rows that are in sight, and the arrow keys between them. */
function useRows({ rows, openRoom }: Rows) {
  const scroller = useRef<HTMLDivElement>(null);
  const [focused, setFocused] = useState<string | null>(null);
  const rem = typeof document === "undefined" ? 16 : Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
  // oxlint-disable-next-line react/incompatible-library -- it changes inside; rows get what they show as properties
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
    const last = rows.length - 1;
    const next = { ArrowDown: Math.min(last, at + 1), ArrowUp: Math.max(0, at - 1), Home: 0, End: last, PageDown: Math.min(last, at + page_rows), PageUp: Math.max(0, at - page_rows) }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    focusRow(next);
  };
  const roving = [focused, openRoom].find((id) => id !== null && rows.some((row) => row.roomId === id)) ?? rows[0]?.roomId;
  return { scroller, virtualizer, setFocused, focusRow, onKeyDown, roving };
}

export function ChatList({ isPage = false, openRoom, onOpenChat, onOpenLink, onOpenSettings, accountEntries, onOpenMessage, onOpenPerson }: ChatListProps) {
  const { t } = useTranslation();
  const formats = useFormats();
  const engine = useEngine();
  const chats = useReadable(engine.chats);
  const [words, setWords] = useState("");
  const [filter, setFilter] = useState<ChatFilter>("all");
  const [dialog, setDialog] = useState<ChatListDialog | null>(null);
  const deferredWords = useDeferredValue(words);
  const sorted = useMemo(() => sortChats(chats, filter, deferredWords), [chats, filter, deferredWords]);
  const rows = useMemo(() => [...sorted.requests, ...sorted.shown], [sorted]);
  const isSearching = words !== "" && onOpenMessage !== undefined && onOpenPerson !== undefined;
  // "No chats yet" would not be true.
  const hidesSome = useHiddenCount() > 0 && filter === "all";
  const { scroller, ...list } = useRows({ rows, openRoom, onOpenChat });
  return (
    <nav className={css.pane} aria-label={t("chats.title")}>
      <ChatListHead isPage={isPage} title={filter === "archive" ? t("chats.archive_title") : t("chats.title")} onOpenSettings={onOpenSettings} onNew={() => setDialog({ type: "new-chat" })} onStarred={() => setDialog({ type: "starred" })} {...(accountEntries ? { accountEntries } : {})} />
      <ChatSearch words={words} onWords={setWords} onDown={() => list.focusRow(0)} onEnter={() => { if (rows[0]) onOpenChat(rows[0].roomId); }} />
      {filter === "archive"
        ? <button type="button" className={css.line} onClick={() => setFilter("all")}><ArrowLeft size={18} aria-hidden="true" className="mirrored" />{t("chats.back_to_all")}</button>
        : !words && <FilterChips filter={filter} folders={sorted.folders} unread={sorted.unreadCount} onFilter={setFilter} />}
      {filter === "all" && !words && sorted.archivedCount > 0 && (
        <button type="button" className={css.line} onClick={() => setFilter("archive")}><Archive size={18} aria-hidden="true" />{t("chats.archive_title")}<span className={css.count}>{formats.number(sorted.archivedCount)}</span></button>
      )}
      {filter === "all" && !words && <PrivateChatsLine />}
      <ChatRows scroller={scroller} list={list} rows={rows} openRoom={openRoom} onOpenChat={onOpenChat} folders={sorted.folders} onDialog={setDialog} empty={isSearching || hidesSome ? null : <Nothing words={words} filter={filter} />} below={isSearching ? <GlobalResults words={deferredWords} onOpenMessage={onOpenMessage} onOpenPerson={onOpenPerson} /> : null} />
      <ChatListDialogs dialog={dialog} onClose={() => setDialog(null)} onOpenChat={onOpenChat} onOpenLink={onOpenLink} onOpenMessage={onOpenMessage ?? onOpenChat} />
    </nav>
  );
}

interface ChatRowsProps extends Rows {
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly list: Omit<ReturnType<typeof useRows>, "scroller">;
  readonly folders: readonly string[];
  readonly onDialog: (dialog: ChatListDialog) => void;
  readonly empty: ReactNode;
  /** After the rows: what else was found. */
  readonly below: ReactNode;
}

function ChatRows({ scroller, list, rows, openRoom, onOpenChat, folders, onDialog, empty, below }: ChatRowsProps) {
  const { t } = useTranslation();
  const engine = useEngine();
  const showProblem = useShowProblem();
  const now = useNow();
  const target = useRef<ChatSummary | null>(null);
  const entries = () => {
    const chat = target.current;
    return chat ? buildChatMenu(chat, engine.openChat(chat.roomId), folders, t, { newFolder: () => onDialog({ type: "folder", chat }), leave: () => onDialog({ type: "leave", chat }), failed: showProblem }) : [];
  };
  const point = (event: React.SyntheticEvent) => {
    const id = (event.target as Element).closest("[data-room]")?.getAttribute("data-room");
    target.current = rows.find((row) => row.roomId === id) ?? null;
    if (!target.current || target.current.membership === "invite") event.stopPropagation();
  };
  return (
    <ContextMenu entries={entries}>
      {/* oxlint-disable-next-line jsx-a11y/no-static-element-interactions -- one handler for all rows within */}
      <div ref={scroller} className={css.scroller} onKeyDown={list.onKeyDown} onContextMenuCapture={point} onPointerDownCapture={(event) => { if (event.pointerType === "touch") point(event); }}>
        {rows.length === 0 && empty}
        <ul className={css.list} aria-label={t("chats.title")} style={{ blockSize: list.virtualizer.getTotalSize() }}>
          {list.virtualizer.getVirtualItems().map((item) => {
            const chat = rows[item.index];
            if (!chat) return null;
            return (
              <li key={item.key} className={css.item} style={{ blockSize: item.size, transform: `translateY(${item.start}px)` }}>
                <a
                  href={`#/${encodeURIComponent(chat.roomId)}`}
                  draggable={false}
                  data-room={chat.roomId}
                  className={css.link}
                  tabIndex={chat.roomId === list.roving ? 0 : -1}
                  aria-current={chat.roomId === openRoom ? "page" : undefined}
                  onFocus={() => list.setFocused(chat.roomId)}
                  onClick={(event) => { event.preventDefault(); onOpenChat(chat.roomId); }}
                >
                  {chat.membership === "invite" && <span className={css.request}>{t("chats.request")}</span>}
                  <ChatRow chat={chat} open={chat.roomId === openRoom} now={now} />
                </a>
              </li>
            );
          })}
        </ul>
        {below}
      </div>
    </ContextMenu>
  );
}

function Nothing({ words, filter }: { readonly words: string; readonly filter: ChatFilter }) {
  const { t } = useTranslation();
  if (words) return <EmptyState icon={Search} title={t("chats.nothing_found")}>{t("chats.nothing_found_text")}</EmptyState>;
  if (filter === "all") return <EmptyState icon={MessageCirclePlus} title={t("chats.empty")}>{t("chats.empty_text")}</EmptyState>;
  return <EmptyState title={filter === "unread" ? t("chats.all_read") : t("chats.nothing_here")} />;
}
