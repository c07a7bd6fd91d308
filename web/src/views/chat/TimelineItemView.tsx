import { memo } from "react";
import { useTranslation } from "react-i18next";
import type { TimelineItem } from "@/domain/engine";
import { ErrorBoundary } from "../common/ErrorBoundary";
import { useFormats } from "../common/locale";
import { useNow } from "../common/use_now";
import { MessageRow } from "./MessageRow";
import { NoticeRun, NoticeWords } from "./Notices";
import css from "./TimelineItemView.module.css";

export interface TimelineItemViewProps {
  readonly item: TimelineItem;
  readonly many: boolean;
  readonly highlighted: boolean;
  readonly selected: boolean | undefined;
}

export const TimelineItemView = memo(function TimelineItemView(props: TimelineItemViewProps) {
  const { item } = props;
  if (item.type === "message") return <MessageRow message={item.message} opensGroup={item.opensGroup} many={props.many} highlighted={props.highlighted} selected={props.selected} />;
  return <ErrorBoundary fallback={null} resetKey={item}><Between item={item} /></ErrorBoundary>;
});

function Between({ item }: { readonly item: Exclude<TimelineItem, { type: "message" }> }) {
  const { t } = useTranslation();
  const formats = useFormats();
  const now = useNow();
  switch (item.type) {
    case "date": return <div className={css.line}><span className={css.chip}>{formats.day(item.day, now)}</span></div>;
    case "unread": return <div className={css.unread}><span>{t("chat.unread_from_here")}</span></div>;
    case "gap": return <div className={css.line}><span className={css.chip}>{t("chat.gap")}</span></div>;
    case "notice": return <div className={css.line}><NoticeWords notice={item} /></div>;
    case "notices": return <NoticeRun notices={item.notices} />;
  }
}
