import { useTranslation } from "react-i18next";
import type { Message } from "@/domain/message";
import { searchableText } from "@/domain/search/searchable_text";
import { classNames } from "../common/class_names";
import { useFormats } from "../common/locale";
import { PersonText } from "../common/PersonText";
import { useNow } from "../common/use_now";
import { Highlighted } from "./Highlighted";
import css from "./search.module.css";

export interface MessageHitProps {
  readonly message: Message;
  readonly words: string;
  /** Of the chat, where several are searched. */
  readonly chatName?: string;
  readonly current?: boolean;
  readonly onOpen: () => void;
}

/** One message that was found: where or from whom, when, and the words around. */
export function MessageHit({ message, words, chatName, current = false, onOpen }: MessageHitProps) {
  const { t } = useTranslation();
  const formats = useFormats();
  const now = useNow();
  const sender = message.isOwn ? t("chat.you") : message.senderName;
  return (
    <button type="button" className={classNames(css.hit, current && css.current)} aria-current={current || undefined} onClick={onOpen} data-hit={message.eventId}>
      <span className={css.hitTop}>
        <PersonText className={css.hitName}>{chatName ?? sender}</PersonText>
        <time className={css.hitTime}>{formats.listTime(message.sentAt, now)}</time>
      </span>
      <span className={css.hitWords}>
        {chatName !== undefined && <span className={css.hitSender}><PersonText>{sender}</PersonText>:</span>}
        <Highlighted text={searchableText(message.body)} words={words} />
      </span>
    </button>
  );
}
