import { Copy, Forward, Trash2, X } from "lucide-react";
import { useTranslation } from "react-i18next";
import { IconButton } from "../common/IconButton";
import css from "./SelectionBar.module.css";

export function SelectionBar({ count, onCopy, onForward, onDelete, onClose }: { readonly count: number; readonly onCopy: () => void; readonly onForward: () => void; readonly onDelete: () => void; readonly onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <div className={css.bar} role="toolbar" aria-label={t("chat.selection")}>
      <IconButton label={t("chat.stop_selecting")} icon={X} onClick={onClose} autoFocus />
      <span className={css.count} role="status">{t("chat.selected", { count })}</span>
      <IconButton label={t("chat.copy")} icon={Copy} disabled={!count} onClick={onCopy} />
      <IconButton label={t("chat.forward")} icon={Forward} mirrored disabled={!count} onClick={onForward} />
      <IconButton label={t("chat.delete")} icon={Trash2} tone="danger" disabled={!count} onClick={onDelete} />
    </div>
  );
}
