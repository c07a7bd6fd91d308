import { MessagesSquare } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Message, ThreadNote } from "@/domain/message";
import { useFormats } from "../common/locale";
import { useNow } from "../common/use_now";
import { useChatActions } from "./chat_actions";
import css from "./ThreadLine.module.css";

/** Under a message with a thread: how many answers, how many are new, when the latest came. */
export function ThreadLine({ message, thread }: { readonly message: Message; readonly thread: ThreadNote }) {
  const { t } = useTranslation();
  const formats = useFormats();
  const now = useNow();
  const { openThread } = useChatActions();
  if (!openThread || !message.eventId) return null;
  return (
    <button type="button" className={css.line} onClick={() => openThread(message.eventId!)}>
      <MessagesSquare size={16} aria-hidden="true" />
      <span>{t("thread.answers", { count: thread.count })}</span>
      {thread.unread > 0 && <span className={css.unread}>{t("thread.unread", { count: thread.unread })}</span>}
      <span className={css.time}>{formats.ago(thread.latestAt, now)}</span>
    </button>
  );
}
