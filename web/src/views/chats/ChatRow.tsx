import { memo } from "react";
import { AtSign, BellOff, Megaphone, Network, Pin, UsersRound } from "lucide-react";
import type { TFunction } from "i18next";
import { useTranslation } from "react-i18next";
import type { ChatSummary } from "@/domain/engine";
import { Avatar } from "../common/Avatar";
import { classNames } from "../common/class_names";
import { useFormats } from "../common/locale";
import { PersonText } from "../common/PersonText";
import { TrustMark } from "../common/TrustMark";
import { Ticks } from "../chat/Ticks";
import { usePreview } from "../chat/use_preview";
import css from "./ChatRow.module.css";

export interface ChatRowProps {
  readonly chat: ChatSummary;
  readonly open: boolean;
  readonly now: number;
}

export const ChatRow = memo(function ChatRow({ chat, open, now }: ChatRowProps) {
  const { t } = useTranslation();
  const formats = useFormats();
  const muted = (chat.mutedUntil ?? 0) > now;
  const last = chat.last?.message;
  return (
    <div className={classNames(css.row, open && css.open)}>
      <Avatar id={chat.peer?.userId ?? chat.roomId} name={chat.name} {...(chat.avatar ? { source: chat.avatar } : {})} shape={chat.kind === "community" ? "square" : "round"} />
      <div className={css.words}>
        <div className={css.top}>
          {chat.kind === "channel" && <Megaphone size={14} aria-label={t("chats.kind_channel")} role="img" className={css.kind} />}
          {chat.kind === "community" && <Network size={14} aria-label={t("chats.kind_community")} role="img" className={css.kind} />}
          {chat.kind === "group" && <UsersRound size={14} aria-label={t("chats.kind_group")} role="img" className={css.kind} />}
          <PersonText className={css.name}>{chat.name}</PersonText>
          {chat.peer && <TrustMark trust={chat.peer.trust} />}
          {muted && <BellOff size={14} role="img" aria-label={t("chats.muted")} className={css.sign} />}
          <span className={css.space} />
          {last?.isOwn && !chat.draft && <Ticks status={last.status} />}
          {chat.last && <time className={classNames(css.time, chat.unread > 0 && !muted && css.fresh)}>{formats.listTime(chat.last.sentAt, now)}</time>}
        </div>
        <div className={css.bottom}>
          <span className={css.preview}><Preview chat={chat} /></span>
          {chat.mentions > 0 && <span className={css.mention}><AtSign size={13} aria-hidden="true" /><span className="only-heard">{t("chats.mentions", { count: chat.mentions })}</span></span>}
          {(chat.unread > 0 || chat.markedUnread) && (
            <span className={classNames(css.badge, muted && css.quiet)}>
              <span aria-hidden="true">{chat.unread > 0 ? (chat.unread > 999 ? `${formats.number(999)}+` : formats.number(chat.unread)) : ""}</span>
              <span className="only-heard">{chat.unread > 0 ? t("chats.unread", { count: chat.unread }) : t("chats.marked_unread")}</span>
            </span>
          )}
          {chat.pinned && chat.unread === 0 && <Pin size={14} role="img" aria-label={t("chats.pinned")} className={css.sign} />}
        </div>
      </div>
    </div>
  );
});

function Preview({ chat }: { readonly chat: ChatSummary }) {
  const { t } = useTranslation();
  const preview = usePreview();
  const last = chat.last?.message;
  // A sentence of the interface, in its direction; only the name in it goes its own way.
  if (chat.typing.length) return <span className={classNames(css.line, css.typing)}>{describeTyping(chat, t)}</span>;
  if (chat.draft) return <><span className={css.draft}>{t("chats.draft")}</span><span className={css.line} dir="auto">{chat.draft.slice(0, 120)}</span></>;
  if (chat.membership === "knock") return <span className={css.line}>{t("chat.knocking")}</span>;
  if (chat.membership === "invite") return <span className={css.line}>{chat.kind === "direct" ? t("chats.request_direct") : t("chats.request_room")}</span>;
  if (chat.kind === "community") return <span className={css.line}>{t("chats.kind_community")}</span>;
  if (!last) return <span className={css.line}>{t("chats.no_messages")}</span>;
  const words = preview(last.body);
  if (chat.kind === "direct" || chat.kind === "channel" || chat.kind === "notes") return <span className={css.line} dir="auto">{words}</span>;
  return <><span className={css.sender}>{last.isOwn ? t("chat.you") : <PersonText>{last.senderName}</PersonText>}:</span><span className={css.line} dir="auto">{words}</span></>;
}

function describeTyping({ kind, typing }: ChatSummary, t: TFunction): string {
  if (kind === "direct") return t("chat.typing");
  return typing.length === 1 ? t("chat.typing_one", { name: `\u2068${typing[0]}\u2069` }) : t("chat.typing_some", { count: typing.length });
}
