import { useEffect, useMemo } from "react";
import { MessagesSquare, X } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import type { Message } from "@/domain/message";
import type { ListedThread } from "@/domain/thread_list";
import { useReadable } from "../use_readable";
import { Banner } from "../common/Banner";
import { Button } from "../common/Button";
import { EmptyState } from "../common/EmptyState";
import { IconButton } from "../common/IconButton";
import { useFormats } from "../common/locale";
import { PersonText } from "../common/PersonText";
import { useNow } from "../common/use_now";
import { Waiting } from "../common/Waiting";
import { usePreview } from "./use_preview";
import { PaneTitle } from "../layout/PaneTitle";
import css from "./ThreadListView.module.css";

export interface ThreadListViewProps {
  readonly roomId: string;
  readonly onClose: () => void;
  readonly onOpen: (rootEventId: string) => void;
}

/** All threads of a chat, the one with the newest answer first: what this device knows at once, then what the server has. */
export function ThreadListView({ roomId, onClose, onOpen }: ThreadListViewProps) {
  const { t } = useTranslation();
  const engine = useEngine();
  const chat = useMemo(() => engine.openChat(roomId), [engine, roomId]);
  const { threads, loading, hasMore, isPartial } = useReadable(chat.threads);
  const now = useNow();
  useEffect(() => void chat.loadThreads("first"), [chat]);
  return (
    <div className={css.view} data-threads>
      <div className={css.head}><PaneTitle className={css.title}>{t("thread.all")}</PaneTitle><IconButton label={t("ui.close")} icon={X} onClick={onClose} /></div>
      <div className={css.scroller}>
        {isPartial && <Banner tone="warn">{t("thread.partial")}</Banner>}
        {threads.length > 0 && <ul className={css.list} aria-label={t("thread.all")}>{threads.map((thread) => <li key={thread.rootId}><Row thread={thread} now={now} onOpen={onOpen} /></li>)}</ul>}
        {loading && <div className={css.waiting}><Waiting inline sentence={t("thread.loading")} /></div>}
        {!loading && threads.length === 0 && <EmptyState icon={MessagesSquare} title={t("thread.none")}>{t("thread.none_text")}</EmptyState>}
        {!loading && hasMore && <div className={css.waiting}><Button onClick={() => void chat.loadThreads("more")}>{t("thread.more")}</Button></div>}
        {!loading && isPartial && <div className={css.waiting}><Button onClick={() => void chat.loadThreads("first")}>{t("ui.retry")}</Button></div>}
      </div>
    </div>
  );
}

function Row({ thread, now, onOpen }: { readonly thread: ListedThread; readonly now: number; readonly onOpen: (rootEventId: string) => void }) {
  const { t } = useTranslation();
  const formats = useFormats();
  const { root, latest } = thread;
  return (
    <button type="button" className={css.row} data-thread={thread.rootId} onClick={() => onOpen(thread.rootId)}>
      <span className={css.top}>
        <span className={css.name}>{root ? <Who message={root} /> : t("thread.unknown")}</span>
        <time className={css.time}>{formats.listTime(thread.latestAt, now)}</time>
      </span>
      {root && <span className={css.words}><Words message={root} /></span>}
      {latest && <span className={css.answer}><span className={css.who}><Who message={latest} />:</span> <Words message={latest} /></span>}
      <span className={css.bottom}>
        <MessagesSquare size={16} aria-hidden="true" />
        <span>{t("thread.answers", { count: thread.count })}</span>
        {thread.unread > 0 && <span className={css.unread}>{t("thread.unread", { count: thread.unread })}</span>}
      </span>
    </button>
  );
}

function Who({ message }: { readonly message: Message }) {
  const { t } = useTranslation();
  return message.isOwn ? t("chat.you") : <PersonText>{message.senderName}</PersonText>;
}

function Words({ message }: { readonly message: Message }) {
  const preview = usePreview();
  return <span dir="auto">{preview(message.body)}</span>;
}
