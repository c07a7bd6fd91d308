import { ContextMenu } from "radix-ui";
import { useTranslation } from "react-i18next";
import type { Message } from "@/domain/message";
import { useChatActions } from "./chat_actions";
import { maySpeakOf } from "./message_menu";
import css from "./QuickReactions.module.css";

export const QUICK_REACTIONS = ["👍", "❤️", "😂", "😮", "😢", "🙏"] as const;

/** The six most used, at the top of a message's menu. */
export function QuickReactions({ target }: { readonly target: () => Message | undefined }) {
  const { t } = useTranslation();
  const actions = useChatActions();
  const message = target();
  if (!message || !maySpeakOf(message)) return null;
  return (
    <ContextMenu.Group className={css.row} aria-label={t("chat.react")}>
      {QUICK_REACTIONS.map((key) => (
        <ContextMenu.Item key={key} className={css.emoji} aria-label={t("chat.react_with", { emoji: key })} onSelect={() => actions.react(message, key)}>{key}</ContextMenu.Item>
      ))}
    </ContextMenu.Group>
  );
}
