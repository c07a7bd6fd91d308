import { Hourglass } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useFormats } from "../common/locale";
import { useNow } from "../common/use_now";
import css from "./SlowNote.module.css";

/** Shorter waits are over before they are read. */
const shown_ms_min = 2_000;

/** Under a message that waits because the server asked for it: why, and until when. */
export function SlowNote({ until }: { readonly until: number }) {
  const { t } = useTranslation();
  const formats = useFormats();
  const now = useNow();
  if (until - now < shown_ms_min) return null;
  return <div className={css.slow} role="status"><Hourglass size={14} aria-hidden="true" /><span>{t("chat.sending_slowly", { time: formats.time(until) })}</span></div>;
}
