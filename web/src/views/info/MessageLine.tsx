import { useTranslation } from "react-i18next";
import type { Message } from "@/domain/message";
import { usePreview } from "../chat/use_preview";
import { useFormats } from "../common/locale";
import { PersonText } from "../common/PersonText";
import { useNow } from "../common/use_now";
import css from "./info.module.css";

/** A message as a line that leads to its place in the chat. */
export function MessageLine({ message, text, chat, onOpen }: { readonly message: Message; readonly text?: string | undefined; readonly chat?: string | undefined; readonly onOpen: (eventId: string) => void }) {
  const { t } = useTranslation();
  const formats = useFormats();
  const preview = usePreview();
  const now = useNow();
  return (
    <button type="button" className={css.message} onClick={() => message.eventId && onOpen(message.eventId)} data-kept={message.eventId}>
      <span className={css.messageTop}><span><PersonText>{message.isOwn ? t("chat.you") : message.senderName}</PersonText>{chat !== undefined && <> · <PersonText>{chat}</PersonText></>}</span><time>{formats.listTime(message.sentAt, now)}</time></span>
      <span className={css.messageText} dir={text === undefined ? "auto" : "ltr"}>{text ?? preview(message.body)}</span>
    </button>
  );
}
