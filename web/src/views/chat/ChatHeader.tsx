import { ArrowLeft, CalendarDays, CheckSquare, EllipsisVertical, Flag, Info, LogOut, MessagesSquare, Search, Timer } from "lucide-react";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { DISAPPEAR_CHOICES_S } from "@/domain/disappearing";
import type { Chat } from "@/domain/engine";
import { useReadable } from "../use_readable";
import { Avatar } from "../common/Avatar";
import { IconButton } from "../common/IconButton";
import { useFormats } from "../common/locale";
import { Menu, type MenuEntry } from "../common/Menu";
import { PersonText } from "../common/PersonText";
import { useShowProblem } from "../common/Toasts";
import { TrustMark } from "../common/TrustMark";
import { buildMuteEntry } from "../chats/mute_entries";
import { useNow } from "../common/use_now";
import { useStatusLine } from "./use_status_line";
import css from "./ChatHeader.module.css";

export interface ChatHeaderProps {
  readonly chat: Chat;
  readonly onBack?: (() => void) | undefined;
  readonly onInfo: () => void;
  readonly onSearch: () => void;
  /** Shows all threads of the chat. */
  readonly onThreads?: (() => void) | undefined;
  readonly onJumpToDate: () => void;
  readonly onSelect: () => void;
  readonly onReport: () => void;
  readonly onLeave: () => void;
}

export function ChatHeader({ chat, onBack, onInfo, onSearch, onThreads, onJumpToDate, onSelect, onReport, onLeave }: ChatHeaderProps) {
  const { t } = useTranslation();
  const formats = useFormats();
  const showProblem = useShowProblem();
  const summary = useReadable(chat.summary);
  const now = useNow();
  const members = useReadable(chat.members);
  const peer = useMemo(() => (summary.peer ? members.find((member) => member.userId === summary.peer!.userId) : undefined), [members, summary.peer]);
  const status = useStatusLine(summary, peer);
  const entries: readonly MenuEntry[] = [
    { key: "info", label: t("chat.info"), icon: Info, onSelect: onInfo },
    ...(onThreads ? [{ key: "threads", label: t("thread.all"), icon: MessagesSquare, onSelect: onThreads }] : []),
    { key: "date", label: t("chat.jump_to_date"), icon: CalendarDays, onSelect: onJumpToDate },
    { key: "select", label: t("chat.select_messages"), icon: CheckSquare, onSelect },
    ...(summary.maySend ? [{
      key: "disappear", label: t("disappear.title"), icon: Timer,
      entries: DISAPPEAR_CHOICES_S.map((seconds) => ({ key: String(seconds), label: seconds === 0 ? t("disappear.off") : formats.duration(seconds), checked: seconds === summary.disappearAfterS, onSelect: () => void chat.setDisappearAfter(seconds).catch(showProblem) })),
    }] : []),
    buildMuteEntry(summary, now, t, (mutedUntil) => void chat.setListFlags({ mutedUntil }).catch(showProblem)),
    { key: "line", separator: true },
    { key: "report", label: t("report.chat"), icon: Flag, danger: true, onSelect: onReport },
    { key: "leave", label: t("chats.leave"), icon: LogOut, mirrored: true, danger: true, onSelect: onLeave },
  ];
  return (
    <header className={css.header}>
      {onBack && <IconButton label={t("ui.back")} icon={ArrowLeft} mirrored onClick={onBack} />}
      <button type="button" className={css.who} onClick={onInfo} title={t("chat.info")}>
        <Avatar id={summary.peer?.userId ?? summary.roomId} name={summary.name} {...(summary.avatar ? { source: summary.avatar } : {})} size={40} shape={summary.kind === "community" ? "square" : "round"} />
        <span className={css.words}>
          <span className={css.name}><h1 className={css.title}><PersonText>{summary.name}</PersonText></h1>{summary.peer && <TrustMark trust={summary.peer.trust} />}</span>
          <span className={css.under}>
            <span className={summary.typing.length ? css.typing : css.status} aria-live="polite">{status}</span>
            {summary.disappearAfterS > 0 && <span className={css.timer} title={t("composer.disappears", { time: formats.duration(summary.disappearAfterS) })}><Timer size={13} aria-hidden="true" />{formats.duration(summary.disappearAfterS)}</span>}
          </span>
        </span>
      </button>
      <IconButton label={t("chat.search")} icon={Search} onClick={onSearch} />
      <Menu trigger={<IconButton label={t("ui.more")} icon={EllipsisVertical} />} entries={entries} />
    </header>
  );
}
