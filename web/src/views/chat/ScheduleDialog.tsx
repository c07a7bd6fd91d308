import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../common/Button";
import { Dialog } from "../common/Dialog";
import { useFormats } from "../common/locale";
import { TextField } from "../common/TextField";
import css from "./ScheduleDialog.module.css";

const hour_ms = 3_600_000;
const morning_hour = 8;

/** "2026-11-25T22:54" in this time zone, as the field wants it. */
function toLocal(at: number): string {
  const date = new Date(at);
  return new Date(at - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function tomorrowMorning(now: number): number {
  const date = new Date(now);
  date.setDate(date.getDate() + 1);
  return date.setHours(morning_hour, 0, 0, 0);
}

/** When a text goes out by itself. */
export function ScheduleDialog({ onClose, onChoose }: { readonly onClose: () => void; readonly onChoose: (at: number) => void }) {
  const { t } = useTranslation();
  const formats = useFormats();
  const [opened] = useState(Date.now);
  const [value, setValue] = useState(() => toLocal(opened + hour_ms));
  const at = Date.parse(value);
  const valid = at > opened;
  const choose = (time: number) => { onClose(); onChoose(time); };
  const quick = [opened + hour_ms, opened + 3 * hour_ms, tomorrowMorning(opened)];
  return (
    <Dialog open onOpenChange={onClose} title={t("schedule.title")} description={t("schedule.description")} size="s" footer={<Button variant="primary" disabled={!valid} onClick={() => choose(at)}>{t("schedule.confirm")}</Button>}>
      <div className={css.quick}>{quick.map((time) => <Button key={time} onClick={() => choose(time)}>{formats.dateTime(time)}</Button>)}</div>
      <TextField label={t("schedule.when")} type="datetime-local" value={value} min={toLocal(opened)} onChange={(event) => setValue(event.target.value)} error={value !== "" && !valid && t("schedule.past")} />
    </Dialog>
  );
}
