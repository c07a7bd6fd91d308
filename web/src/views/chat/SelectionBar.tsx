import { Copy, Forward, Star, Trash2, X } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Chat } from "@/domain/engine";
import { IconButton } from "../common/IconButton";
import type { ChatActions } from "./chat_actions";
import css from "./SelectionBar.module.css";

export interface SelectionBarProps {
  readonly chat: Chat;
  readonly actions: ChatActions;
  /** IDs of messages. */
  readonly selection: ReadonlySet<string>;
  readonly onClose: () => void;
}

export function SelectionBar({ chat, actions, selection, onClose }: SelectionBarProps) {
  const { t } = useTranslation();
  const count = selection.size;
  const chosen = () => chat.timeline.get().items.flatMap((item) => (item.type === "message" && selection.has(item.message.id) ? [item.message] : []));
  return (
    <div className={css.bar} role="toolbar" aria-label={t("chat.selection")}>
      <IconButton label={t("chat.stop_selecting")} icon={X} onClick={onClose} autoFocus />
      <span className={css.count} role="status">{t("chat.selected", { count })}</span>
      <IconButton label={t("chat.copy")} icon={Copy} disabled={!count} onClick={() => { actions.copy(chosen()); onClose(); }} />
      <IconButton label={t("chat.star")} icon={Star} disabled={!count} onClick={() => { for (const { eventId } of chosen()) if (eventId) void chat.setStarred(eventId, true).catch(actions.failed); onClose(); }} />
      <IconButton label={t("chat.forward")} icon={Forward} mirrored disabled={!count} onClick={() => actions.forward(chosen())} />
      <IconButton label={t("chat.delete")} icon={Trash2} tone="danger" disabled={!count} onClick={() => actions.askDelete(chosen())} />
    </div>
  );
}
