import { ContextMenu } from "radix-ui";
import { useTranslation } from "react-i18next";
import { quickReactions } from "@/domain/emoji/recent_emojis";
import type { Message } from "@/domain/message";
import { useChatActions } from "./chat_actions";
import { recentEmojis } from "./recent_emojis";
import { useReadable } from "../use_readable";
import { useNow } from "../common/use_now";
import { maySpeakOf } from "./message_menu";
import css from "./QuickReactions.module.css";

/** The six most used, at the top of a message's menu. */
export function QuickReactions({ target }: { readonly target: () => Message | undefined }) {
  const { t } = useTranslation();
  const actions = useChatActions();
  const recent = useReadable(recentEmojis);
  const now = useNow();
  const message = target();
  if (!message || !maySpeakOf(message)) return null;
  return (
    <ContextMenu.Group className={css.row} aria-label={t("chat.react")}>
      {quickReactions(recent, now).map((key) => (
        <ContextMenu.Item key={key} className={css.emoji} aria-label={t("chat.react_with", { emoji: key })} onSelect={() => actions.react(message, key)}>{key}</ContextMenu.Item>
      ))}
    </ContextMenu.Group>
  );
}
