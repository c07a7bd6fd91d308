import { memo } from "react";
import { Pin, ShieldAlert, Star, Timer } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Message } from "@/domain/message";
import { useFormats } from "../common/locale";
import { Countdown } from "./Countdown";
import { Ticks } from "./Ticks";
import css from "./Meta.module.css";

/** Time, "edited", ticks and small marks at the end of a bubble. */
export const Meta = memo(function Meta({ message }: { readonly message: Message }) {
  const { t } = useTranslation();
  const formats = useFormats();
  // A sentence of the interface, like "asked to verify each other": nobody's words that a shield could warn of.
  const isNotice = message.body.kind === "change";
  return (
    <span className={css.place}><span className={css.meta}>
      {message.shield !== "ok" && !isNotice && <span title={t(`chat.shield_${message.shield}`)} className={message.shield === "unverified-device" ? css.doubt : css.shield}><ShieldAlert size={14} aria-hidden="true" /><span className="only-heard">{t(`chat.shield_${message.shield}`)}</span></span>}
      {message.pinned && <><Pin size={13} aria-hidden="true" /><span className="only-heard">{t("chat.pinned")}</span></>}
      {message.starred && <><Star size={13} aria-hidden="true" fill="currentColor" /><span className="only-heard">{t("chat.starred")}</span></>}
      {message.expiresAt !== undefined && <><Timer size={13} aria-hidden="true" /><Countdown until={message.expiresAt} /></>}
      {message.edited && <span>{t("chat.edited")}</span>}
      <time dateTime={isoOf(message.sentAt)} title={formats.dateTime(message.sentAt)}>{formats.time(message.sentAt)}</time>
      {message.isOwn && message.body.kind !== "deleted" && <Ticks status={message.status} />}
    </span></span>
  );
});

function isoOf(at: number): string | undefined {
  return Number.isFinite(at) && Math.abs(at) <= 8.64e15 ? new Date(at).toISOString() : undefined;
}
