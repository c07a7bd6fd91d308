import { Ban, CircleHelp, EyeOff, KeyRound, type LucideIcon } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Message } from "@/domain/message";
import css from "./StateBody.module.css";

function Sentence({ icon: Icon, children }: { readonly icon: LucideIcon; readonly children: string }) {
  return <span className={css.state}><Icon size={16} aria-hidden="true" /><span>{children}</span></span>;
}

/** Messages that have nothing to show: deleted, not readable yet or ever, or not understood. Each says so, and what helps. */
export function StateBody({ message }: { readonly message: Message }) {
  const { t } = useTranslation();
  const { body } = message;
  if (body.kind === "deleted" && message.viewOnce) return <Sentence icon={EyeOff}>{t("chat.once_opened")}</Sentence>;
  if (body.kind === "deleted") return <Sentence icon={Ban}>{message.isOwn ? t("chat.deleted_own") : t("chat.deleted")}</Sentence>;
  if (body.kind === "undecryptable") return <Sentence icon={KeyRound}>{t(`chat.undecryptable_${body.reason}`)}</Sentence>;
  return <Sentence icon={CircleHelp}>{t("chat.broken_message")}</Sentence>;
}
