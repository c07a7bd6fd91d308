import { useState } from "react";
import { ChevronDown } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { NoticeItem } from "@/domain/engine";
import { summarizeNotices } from "@/domain/shown_items";
import { useFormats } from "../common/locale";
import css from "./TimelineItemView.module.css";

/** A change of the room. Names come from people: isolated one by one, so that none turns the sentence around. */
export function NoticeWords({ notice }: { readonly notice: NoticeItem }) {
  const { t } = useTranslation();
  const formats = useFormats();
  const { seconds, ...names } = notice.values;
  const values: Record<string, string> = Object.fromEntries(Object.entries(names).map(([name, value]) => [name, `\u2068${value}\u2069`]));
  if (seconds !== undefined) values["time"] = formats.duration(Number(seconds));
  return <span className={css.notice}>{t(notice.textKey, values)}</span>;
}

/** Several people joining and leaving, in one line that opens. */
export function NoticeRun({ notices }: { readonly notices: readonly NoticeItem[] }) {
  const { t } = useTranslation();
  const formats = useFormats();
  const [open, setOpen] = useState(false);
  const clauses = summarizeNotices(notices).map((clause) => ("count" in clause ? t(clause.textKey, { count: clause.count }) : t(clause.textKey, Object.fromEntries(Object.entries(clause.values).map(([name, people]) => [name, formats.list(people)])))));
  return (
    <div className={css.run}>
      <button type="button" className={css.notice} aria-expanded={open} onClick={() => setOpen(!open)}>{clauses.join(" · ")} <ChevronDown size={14} aria-hidden="true" className={open ? css.open : undefined} /></button>
      {open && notices.map((notice) => <NoticeWords key={notice.key} notice={notice} />)}
    </div>
  );
}
