import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Message } from "@/domain/message";
import { colourOf } from "../common/initials";
import { PersonText } from "../common/PersonText";
import { useChatActions } from "./chat_actions";
import { usePreview } from "./use_preview";
import css from "./ReplyQuote.module.css";

/** The message that is answered: undefined while it is looked for, null if it cannot be had. */
function useAnswered(eventId: string): Message | null | undefined {
  const { chat, loadedMessage } = useChatActions();
  const loaded = loadedMessage(eventId);
  const isLoaded = loaded !== undefined;
  const [fetched, setFetched] = useState<Message | null>();
  useEffect(() => {
    if (isLoaded) return undefined;
    let wanted = true;
    chat.message(eventId).then((message) => { if (wanted) setFetched(message ?? null); }, () => { if (wanted) setFetched(null); });
    return () => { wanted = false; };
  }, [chat, eventId, isLoaded]);
  return loaded ?? fetched;
}

export function ReplyQuote({ eventId }: { readonly eventId: string }) {
  const { t } = useTranslation();
  const { jump } = useChatActions();
  const answered = useAnswered(eventId);
  return (
    <button type="button" className={css.quote} style={answered ? { borderInlineStartColor: `var(--name-${colourOf(answered.sender)})` } : undefined} onClick={() => jump(eventId)}>
      <span className="only-heard">{t("chat.in_reply_to")}</span>
      {answered ? <QuoteWords message={answered} /> : <span className={css.words}>{answered === null ? t("chat.reply_gone") : t("chat.reply_loading")}</span>}
    </button>
  );
}

export function QuoteWords({ message }: { readonly message: Message }) {
  const { t } = useTranslation();
  const preview = usePreview();
  return <>
    <span className={css.name} style={{ color: `var(--name-${colourOf(message.sender)})` }}>{message.isOwn ? t("chat.you") : <PersonText>{message.senderName}</PersonText>}</span>
    <span className={css.words} dir="auto">{preview(message.body)}</span>
  </>;
}
