import { useEffect, useState, type KeyboardEvent, type PointerEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import { ChatList, type ChatListProps } from "../chats/ChatList";
import { RoomPage } from "../community/RoomPage";
import { EmptyState } from "../common/EmptyState";
import { ErrorBoundary } from "../common/ErrorBoundary";
import { Pigeon } from "../common/Pigeon";
import { ThreadListView } from "../chat/ThreadListView";
import { ThreadView } from "../chat/ThreadView";
import { ConnectionBanner } from "./ConnectionBanner";
import { QuickSwitcher } from "./QuickSwitcher";
import { ShortcutsDialog } from "./ShortcutsDialog";
import { useShortcuts } from "./use_shortcuts";
import { usePanes } from "./use_width";
import css from "./Messenger.module.css";

export interface MessengerProps extends Omit<ChatListProps, "openRoom" | "onOpenChat"> {
  readonly roomId: string | null;
  readonly onOpenChat: (roomId: string | null) => void;
  readonly onOpenPerson: (userId: string) => void;
  readonly shownEvent?: string | undefined;
  /** The third pane: information about the chat, or its search. The layout gives it room or lays it over the chat. */
  readonly renderInfo: (roomId: string, what: "info" | "search", close: () => void, openThreads: () => void) => ReactNode;
}

/** What stands in the third pane. */
type Aside = "info" | "search" | "threads" | { readonly thread: string; readonly isListed?: boolean };

const ASIDE_NAMES = { info: "chat.info", search: "chat.search", threads: "thread.all" } as const;

/** A chat's messages are read while the mouse's button is still down: they are there when it is let go. A finger may only be scrolling. */
function useReadAhead() {
  const engine = useEngine();
  return (event: PointerEvent) => {
    const roomId = event.pointerType === "mouse" && event.button === 0 ? (event.target as Element).closest("[data-room]")?.getAttribute("data-room") : null;
    if (engine.chats.get().some((chat) => chat.roomId === roomId && chat.membership === "join" && chat.kind !== "community")) engine.openChat(roomId!);
  };
}

/** What opened a pane; an entry of a menu is gone by then, so where one writes. */
function focusAgain(opener: Element | null): void {
  const back = opener instanceof HTMLElement && opener.isConnected && opener !== document.body ? opener : document.querySelector<HTMLElement>("main textarea");
  back?.focus();
}

/** List, chat and information: side by side where there is room, one after the other where there is not. */
export function Messenger(props: MessengerProps) {
  const { roomId, onOpenChat, onOpenPerson, renderInfo, shownEvent, ...list } = props;
  const { t } = useTranslation();
  const panes = usePanes();
  const readAhead = useReadAhead();
  const [shortcut, setShortcut] = useShortcuts();
  const [aside, setAside] = useState<Aside | null>(null);
  const [opener, setOpener] = useState<Element | null>(null);
  useEffect(() => setAside(null), [roomId]);

  const openAside = (what: "info" | "search" | "threads") => {
    setOpener(document.activeElement);
    setAside((open) => (open === what ? null : what));
  };
  const closeAside = () => {
    setAside(null);
    requestAnimationFrame(() => focusAgain(opener));
  };
  const back = () => {
    const left = roomId;
    onOpenChat(null);
    requestAnimationFrame(() => document.querySelector<HTMLElement>(`[data-room="${CSS.escape(left ?? "")}"]`)?.focus());
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape" && !event.defaultPrevented && aside) { event.preventDefault(); closeAside(); }
  };

  const showList = panes > 1 || roomId === null;
  const showAside = roomId !== null && aside !== null;
  // Alone on the screen it is the page itself.
  const AsideFrame = panes === 1 ? "main" : "aside";
  const showChat = (panes > 1 || roomId !== null) && !(showAside && panes === 1);
  // Where it stands alone, the list is what the page is about.
  const ListFrame = showChat || showAside ? "div" : "main";
  return (
    // oxlint-disable-next-line jsx-a11y/no-static-element-interactions -- shortcuts of the whole window
    <div className={css.frame} onKeyDown={onKeyDown}>
      <ConnectionBanner />
      <div className={css.panes}>
        {showList && <ListFrame className={css.list} onPointerDownCapture={readAhead}><ChatList {...list} isPage={!showChat} onOpenPerson={onOpenPerson} openRoom={roomId} onOpenChat={onOpenChat} /></ListFrame>}
        {showChat && <div className={css.chat}>
          {roomId === null ? <Welcome /> : (
            <ErrorBoundary resetKey={roomId} fallback={<main className={css.broken}><EmptyState title={t("chat.broken_chat")}>{t("chat.broken_chat_text")}</EmptyState></main>}>
              <RoomPage
                key={roomId}
                roomId={roomId}
                onBack={panes === 1 ? back : undefined}
                onInfo={() => openAside("info")}
                onSearch={() => openAside("search")}
                onOpenPerson={onOpenPerson}
                onOpenRoom={list.onOpenLink}
                onLeft={() => onOpenChat(null)}
                onOpenChat={onOpenChat}
                shownEvent={shownEvent}
                onThreads={() => openAside("threads")}
                onThread={(thread) => { setOpener(document.activeElement); setAside({ thread }); }}
              />
            </ErrorBoundary>
          )}
        </div>}
        {showAside && <AsideFrame className={panes === 2 ? css.over : css.aside} aria-label={t(typeof aside === "object" ? "thread.title" : ASIDE_NAMES[aside])}>
          <ErrorBoundary resetKey={roomId} fallback={<EmptyState title={t("chat.broken_chat")} />}>
            {aside === "info" || aside === "search"
              ? renderInfo(roomId, aside, closeAside, () => setAside("threads"))
              : <Threads roomId={roomId} aside={aside} onAside={setAside} onClose={closeAside} onOpenPerson={onOpenPerson} onOpenRoom={list.onOpenLink} />}
          </ErrorBoundary>
        </AsideFrame>}
      </div>
      {shortcut === "switcher" && <QuickSwitcher onClose={() => setShortcut(null)} onOpenChat={onOpenChat} />}
      {shortcut === "keys" && <ShortcutsDialog onClose={() => setShortcut(null)} />}
    </div>
  );
}

interface ThreadsProps {
  readonly roomId: string;
  readonly aside: Exclude<Aside, "info" | "search">;
  readonly onAside: (aside: Aside) => void;
  readonly onClose: () => void;
  readonly onOpenPerson: (userId: string) => void;
  readonly onOpenRoom: (target: string) => void;
}

/** All threads of the chat, or one of them. */
function Threads({ roomId, aside, onAside, ...props }: ThreadsProps) {
  if (aside === "threads") return <ThreadListView key={roomId} roomId={roomId} onClose={props.onClose} onOpen={(thread) => onAside({ thread, isListed: true })} />;
  return <ThreadView key={aside.thread} roomId={roomId} rootId={aside.thread} onBack={aside.isListed ? () => onAside("threads") : undefined} {...props} />;
}

function Welcome() {
  const { t } = useTranslation();
  return (
    <main className={css.welcome}>
      <Pigeon size={88} />
      <h1 className={css.welcomeTitle}>{t("chats.welcome")}</h1>
      <p>{t("chats.welcome_text")}</p>
    </main>
  );
}
