import { Pencil, Reply, X } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Message } from "@/domain/message";
import { IconButton } from "../common/IconButton";
import { QuoteWords } from "./ReplyQuote";
import css from "./ComposerBar.module.css";

/** Above the composer: which message is being answered or edited. */
export function ComposerBar({ mode, onClose }: { readonly mode: { readonly type: "reply" | "edit"; readonly message: Message }; readonly onClose: () => void }) {
  const { t } = useTranslation();
  const Icon = mode.type === "edit" ? Pencil : Reply;
  return (
    <div className={css.bar}>
      <Icon size={20} aria-hidden="true" className={mode.type === "reply" ? "mirrored" : undefined} />
      <div className={css.quote}>
        <span className="only-heard">{mode.type === "edit" ? t("composer.editing") : t("composer.replying")}</span>
        <QuoteWords message={mode.message} />
      </div>
      <IconButton label={mode.type === "edit" ? t("composer.stop_editing") : t("composer.stop_replying")} icon={X} onClick={onClose} />
    </div>
  );
}
