import { useTranslation } from "react-i18next";
import type { Message } from "@/domain/message";
import { useFormats } from "../common/locale";
import { useChatActions } from "./chat_actions";
import css from "./Reactions.module.css";

const shown_max = 12;

export function Reactions({ message }: { readonly message: Message }) {
  const { t } = useTranslation();
  const actions = useChatActions();
  const formats = useFormats();
  return (
    <div className={css.row} role="group" aria-label={t("chat.reactions")}>
      {message.reactions.slice(0, shown_max).map((reaction) => (
        <button
          key={reaction.key}
          type="button"
          className={css.reaction}
          aria-pressed={reaction.mine !== undefined}
          title={t("chat.reaction_label", { emoji: reaction.key.slice(0, 24), count: reaction.senders.length })}
          onClick={() => actions.react(message, reaction.key)}
        >
          <span className={css.emoji}>{reaction.key.slice(0, 24)}</span>
          {reaction.senders.length > 1 && <span>{formats.number(reaction.senders.length)}</span>}
        </button>
      ))}
    </div>
  );
}
