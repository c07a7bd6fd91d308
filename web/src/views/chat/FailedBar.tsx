import { CircleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Message } from "@/domain/message";
import { useChatActions } from "./chat_actions";
import css from "./FailedBar.module.css";

/** The server's codes that people can do something about; all others are told as they are. */
const REASONS: Readonly<Record<string, string>> = {
  M_FORBIDDEN: "failure.forbidden",
  M_TOO_LARGE: "failure.too_large",
  M_UNKNOWN_TOKEN: "failure.logged_out",
  M_USER_LOCKED: "failure.locked",
  M_NOT_FOUND: "failure.gone",
  M_DUPLICATE_ANNOTATION: "failure.twice",
  M_RESOURCE_LIMIT_EXCEEDED: "failure.server_full",
  M_BAD_JSON: "failure.not_understood",
  M_INVALID_PARAM: "failure.not_understood",
  M_UNRECOGNIZED: "failure.not_understood",
};

/** Under a message that did not go out: why, and the two ways on. */
export function FailedBar({ message }: { readonly message: Message }) {
  const { t, i18n } = useTranslation();
  const { chat } = useChatActions();
  const code = message.failure ?? "";
  const problem = `problem.${code}`;
  const reason = REASONS[code] !== undefined ? t(REASONS[code]) : code !== "" && i18n.exists(problem) ? t(problem) : code === "" ? "" : t("failure.code", { code });
  return (
    <div className={css.failed}>
      <CircleAlert size={16} aria-hidden="true" /><span>{t("chat.not_sent")} {reason}</span>
      <button type="button" onClick={() => chat.retry(message.id)}>{t("ui.retry")}</button>
      <button type="button" onClick={() => chat.cancel(message.id)}>{t("chat.discard")}</button>
    </div>
  );
}
