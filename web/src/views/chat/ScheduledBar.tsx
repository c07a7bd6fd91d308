import { useState } from "react";
import { Clock } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Chat } from "@/domain/engine";
import { useReadable } from "../use_readable";
import { Button } from "../common/Button";
import { Dialog } from "../common/Dialog";
import { useFormats } from "../common/locale";
import css from "./ScheduleDialog.module.css";

/** Above the composer while texts wait for their time: how many, and the list of them. */
export function ScheduledBar({ chat }: { readonly chat: Chat }) {
  const { t } = useTranslation();
  const formats = useFormats();
  const scheduled = useReadable(chat.scheduled);
  const [open, setOpen] = useState(false);
  if (scheduled.length === 0) return null;
  return <>
    <button type="button" className={css.bar} onClick={() => setOpen(true)}><Clock size={16} aria-hidden="true" />{t("schedule.waiting", { count: scheduled.length })}</button>
    {open && <Dialog open onOpenChange={setOpen} title={t("schedule.list")} description={t("schedule.description")}>
      <ul className={css.list}>
        {scheduled.map(({ id, at, text }) => (
          <li key={id} className={css.item}>
            <time className={css.time} dateTime={new Date(at).toISOString()}>{formats.dateTime(at)}</time>
            <span className={css.text} dir="auto">{text.markdown}</span>
            <span className={css.buttons}>
              <Button variant="quiet" onClick={() => chat.unschedule(id)}>{t("schedule.delete")}</Button>
              <Button onClick={() => { chat.unschedule(id); chat.sendText(text); }}>{t("schedule.now")}</Button>
            </span>
          </li>
        ))}
      </ul>
    </Dialog>}
  </>;
}
