import { Check, CheckCheck, CircleAlert, Clock3 } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { MessageStatus } from "@/domain/message";
import css from "./Ticks.module.css";

/** The state of our own message, as a sign and, for screen readers, in words. */
export function Ticks({ status }: { readonly status: MessageStatus }) {
  const { t } = useTranslation();
  const Icon = status === "waiting" || status === "sending" ? Clock3 : status === "held" ? Check : status === "failed" ? CircleAlert : CheckCheck;
  return (
    <span className={`${css.ticks} ${css[status] ?? ""}`} title={t(`chat.status_${status}`)}>
      <Icon size={15} aria-hidden="true" />
      <span className="only-heard">{t(`chat.status_${status}`)}</span>
    </span>
  );
}
