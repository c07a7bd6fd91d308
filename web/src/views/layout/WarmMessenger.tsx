import type { SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";
import { ChatList } from "../chats/ChatList";
import { Waiting } from "../common/Waiting";
import { usePanes } from "./use_width";
import css from "./Messenger.module.css";

export interface WarmMessengerProps {
  readonly roomId: string | null;
  readonly onOpenChat: (roomId: string) => void;
}

const nothing = () => undefined;

/** The list as it was the last time, in its place, for the moment until the engine is there. Chats can be chosen; all else waits. */
export function WarmMessenger({ roomId, onOpenChat }: WarmMessengerProps) {
  const { t } = useTranslation();
  const panes = usePanes();
  const onlyRows = (event: SyntheticEvent) => {
    if ((event.target as Element).closest("[data-room]") && event.type !== "contextmenu") return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div className={css.frame}>
      <div className={css.panes}>
        {(panes > 1 || roomId === null) && (
          <div className={css.list} onClickCapture={onlyRows} onPointerDownCapture={onlyRows} onContextMenuCapture={onlyRows}>
            <ChatList openRoom={roomId} onOpenChat={onOpenChat} onOpenLink={nothing} onOpenSettings={nothing} />
          </div>
        )}
        {(panes > 1 || roomId !== null) && <main className={css.welcome} style={{ flex: 1 }}><Waiting sentence={t("shell.starting")} /></main>}
      </div>
    </div>
  );
}
