import { useEffect, useState, type KeyboardEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { ChatList, type ChatListProps } from "../chats/ChatList";
import { RoomPage } from "../community/RoomPage";
import { EmptyState } from "../common/EmptyState";
import { ErrorBoundary } from "../common/ErrorBoundary";
import { Pigeon } from "../common/Pigeon";
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
  readonly renderInfo: (roomId: string, what: "info" | "search", close: () => void) => ReactNode;
}

/** List, chat and information: side by side where there is room, one after the other where there is not. */
export function Messenger(props: MessengerProps) {
  const { roomId, onOpenChat, onOpenPerson, renderInfo, shownEvent, ...list } = props;
  const { t } = useTranslation();
  const panes = usePanes();
  const [shortcut, setShortcut] = useShortcuts();
  const [aside, setAside] = useState<"info" | "search" | { readonly thread: string } | null>(null);
  const [opener, setOpener] = useState<Element | null>(null);
  useEffect(() => setAside(null), [roomId]);

  const openAside = (what: "info" | "search") => {
    setOpener(document.activeElement);
    setAside((open) => (open === what ? null : what));
  };
  const closeAside = () => {
    setAside(null);
    // Back to what opened it; an entry of a menu is gone by then, so to where one writes.
    requestAnimationFrame(() => {
      const back = opener instanceof HTMLElement && opener.isConnected && opener !== document.body ? opener : document.querySelector<HTMLElement>("main textarea");
      back?.focus();
    });
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
  const Aside = panes === 1 ? "main" : "aside";
  const showChat = (panes > 1 || roomId !== null) && !(showAside && panes === 1);
  // Where it stands alone, the list is what the page is about.
  const ListFrame = showChat || showAside ? "div" : "main";
  return (
    // oxlint-disable-next-line jsx-a11y/no-static-element-interactions -- shortcuts of the whole window
    <div className={css.frame} onKeyDown={onKeyDown}>
      <ConnectionBanner />
      <div className={css.panes}>
        {showList && <ListFrame className={css.list}><ChatList {...list} isPage={!showChat} onOpenPerson={onOpenPerson} openRoom={roomId} onOpenChat={onOpenChat} /></ListFrame>}
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
                onThread={(thread) => { setOpener(document.activeElement); setAside({ thread }); }}
              />
            </ErrorBoundary>
          )}
        </div>}
        {showAside && <Aside className={panes === 2 ? css.over : css.aside} aria-label={typeof aside === "object" ? t("thread.title") : aside === "info" ? t("chat.info") : t("chat.search")}>
          <ErrorBoundary resetKey={roomId} fallback={<EmptyState title={t("chat.broken_chat")} />}>
            {typeof aside === "object"
              ? <ThreadView key={aside.thread} roomId={roomId} rootId={aside.thread} onClose={closeAside} onOpenPerson={onOpenPerson} onOpenRoom={list.onOpenLink} />
              : renderInfo(roomId, aside, closeAside)}
          </ErrorBoundary>
        </Aside>}
      </div>
      {shortcut === "switcher" && <QuickSwitcher onClose={() => setShortcut(null)} onOpenChat={onOpenChat} />}
      {shortcut === "keys" && <ShortcutsDialog onClose={() => setShortcut(null)} />}
    </div>
  );
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
