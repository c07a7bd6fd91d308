import { memo, useState } from "react";
import { CornerUpRight, Forward } from "lucide-react";
import { useTranslation } from "react-i18next";
import { labelOf } from "@/domain/forward_guard/forward_guard";
import { countJumbo } from "@/domain/emoji/jumbo";
import type { Message } from "@/domain/message";
import { Avatar } from "../common/Avatar";
import { classNames } from "../common/class_names";
import { ErrorBoundary } from "../common/ErrorBoundary";
import { colourOf } from "../common/initials";
import { PersonText } from "../common/PersonText";
import { BodyView } from "./BodyView";
import { useChatActions } from "./chat_actions";
import { FailedBar } from "./FailedBar";
import { HoverBar } from "./HoverBar";
import { Meta } from "./Meta";
import { Reactions } from "./Reactions";
import { ReplyQuote } from "./ReplyQuote";
import { SlowNote } from "./SlowNote";
import { ThreadLine } from "./ThreadLine";
import { useSwipe } from "./use_swipe";
import css from "./MessageRow.module.css";

export interface MessageRowProps {
  readonly message: Message;
  readonly opensGroup: boolean;
  /** Names and pictures of senders are shown where more than two talk. */
  readonly many: boolean;
  readonly highlighted: boolean;
  /** undefined while nothing is being selected. */
  readonly selected: boolean | undefined;
}

export const MessageRow = memo(function MessageRow(props: MessageRowProps) {
  const { t } = useTranslation();
  const broken = <div className={css.bubble}><span className={css.state}>{t("chat.broken_message")}</span></div>;
  return (
    <ErrorBoundary fallback={<div className={css.row}>{broken}</div>} resetKey={props.message}>
      <Row {...props} />
    </ErrorBoundary>
  );
});

function Row({ message, opensGroup, many, highlighted, selected }: MessageRowProps) {
  const { t } = useTranslation();
  const actions = useChatActions();
  const [active, setActive] = useState(false);
  const swipe = useSwipe(() => actions.reply(message));
  const bare = message.body.kind === "sticker" || (message.body.kind === "text" && !message.replyTo && countJumbo(message.body.text) > 0);
  const avatar = many && opensGroup ? actions.avatarOf(message.sender) : undefined;
  const named = many && !message.isOwn && opensGroup;
  return (
    <div
      className={classNames(css.row, message.isOwn && css.own, opensGroup && css.first, highlighted && css.highlighted, selected && css.selected)}
      onPointerEnter={(event) => { if (event.pointerType === "mouse") setActive(true); }}
      onPointerLeave={() => setActive(false)}
      onFocus={() => setActive(true)}
      onBlur={(event) => { if (!event.currentTarget.contains(event.relatedTarget)) setActive(false); }}
      {...(selected === undefined ? swipe : { onClickCapture: (event: React.MouseEvent) => { event.preventDefault(); event.stopPropagation(); actions.select(message); } })}
    >
      {selected !== undefined && <input type="checkbox" className={css.check} checked={selected} readOnly aria-label={t("chat.select_message")} />}
      {many && !message.isOwn && <span className={css.face}>{opensGroup && (
        <button type="button" tabIndex={-1} className={css.faceButton} onClick={() => actions.openPerson(message.sender)} aria-label={t("chat.open_profile", { name: message.senderName })}><Avatar id={message.sender} name={message.senderName} {...(avatar ? { source: avatar } : {})} size={32} /></button>
      )}</span>}
      <div className={css.column}>
        <div className={classNames(css.bubble, bare && css.bare, opensGroup && !bare && css.tail)}>
          {named ? <div className={css.name} style={{ color: `var(--name-${colourOf(message.sender)})` }}><PersonText>{message.senderName}</PersonText></div>
            : <span className="only-heard">{message.isOwn ? t("chat.you") : <PersonText>{message.senderName}</PersonText>}: </span>}
          {message.hop > 0 && <div className={css.forwarded}>{labelOf(message.hop) === "many" ? <><CornerUpRight size={14} aria-hidden="true" className="mirrored" />{t("chat.forwarded_many")}</> : <><Forward size={14} aria-hidden="true" className="mirrored" />{t("chat.forwarded")}</>}</div>}
          {message.replyTo && <ReplyQuote eventId={message.replyTo} />}
          <div className={css.content}><BodyView message={message} meta={<Meta message={message} />} /></div>
        </div>
        {message.reactions.length > 0 && <Reactions message={message} />}
        {message.thread && <ThreadLine message={message} thread={message.thread} />}
        {message.status === "failed" && <FailedBar message={message} />}
        {message.slowUntil !== undefined && <SlowNote until={message.slowUntil} />}
      </div>
      {active && selected === undefined && <HoverBar message={message} />}
    </div>
  );
}
