import { CheckSquare, Copy, Flag, Forward, Info, Link, Pencil, Pin, PinOff, Reply, MessagesSquare, SmilePlus, Star, StarOff, Sticker, ThumbsDown, ThumbsUp, Trash2 } from "lucide-react";
import type { Message } from "@/domain/message";
import type { MenuEntry } from "../common/Menu";
import type { ChatActions } from "./chat_actions";
import { askPreview, linkOf } from "./LinkPreviewCard";

/** Whether the message has something to answer or react to, and the server knows it. */
export function maySpeakOf(message: Message): boolean {
  return message.eventId !== undefined && message.body.kind !== "deleted" && message.body.kind !== "broken" && message.body.kind !== "undecryptable";
}

export function textToCopy(message: Message): string {
  const { body } = message;
  if (body.kind === "text") return body.text;
  if (body.kind === "location") return `${body.latitude}, ${body.longitude}`;
  if (body.kind === "contact") return body.userId;
  if (body.kind === "poll") return [body.question, ...body.answers.map((answer) => `• ${answer.text}`)].join("\n");
  return "";
}

/** Agreeing and disagreeing are reactions that other apps show as they are. */
export const AGREE = "👍";
export const DISAGREE = "👎";

type Translate = (key: string) => string;

export function buildMessageMenu(message: Message, actions: ChatActions, t: Translate, maySend: boolean, anchor: () => Element): readonly MenuEntry[] {
  const speak = maySpeakOf(message);
  const { eventId } = message;
  const { openThread } = actions;
  const entries: (MenuEntry | false)[] = [
    speak && maySend && { key: "reply", label: t("chat.reply"), icon: Reply, mirrored: true, onSelect: () => actions.reply(message) },
    speak && maySend && openThread !== undefined && { key: "thread", label: t("chat.reply_in_thread"), icon: MessagesSquare, onSelect: () => openThread(message.threadRoot ?? eventId!) },
    speak && !message.isOwn && { key: "agree", label: t("chat.agree"), icon: ThumbsUp, onSelect: () => actions.react(message, AGREE) },
    speak && !message.isOwn && { key: "disagree", label: t("chat.disagree"), icon: ThumbsDown, onSelect: () => actions.react(message, DISAGREE) },
    speak && { key: "react", label: t("chat.react_more"), icon: SmilePlus, onSelect: () => actions.pickReaction(message, anchor()) },
    speak && message.isOwn && message.body.kind === "text" && { key: "edit", label: t("chat.edit"), icon: Pencil, onSelect: () => actions.edit(message) },
    message.encrypted && linkOf(message) !== undefined && { key: "preview", label: t("chat.preview_link"), icon: Link, onSelect: () => askPreview(message.id) },
    textToCopy(message) !== "" && { key: "copy", label: t("chat.copy"), icon: Copy, onSelect: () => actions.copy([message]) },
    speak && message.body.kind === "sticker" && { key: "keep", label: t("stickers.keep"), icon: Sticker, onSelect: () => actions.keepSticker(message) },
    speak && !message.viewOnce && { key: "forward", label: t("chat.forward"), icon: Forward, mirrored: true, onSelect: () => actions.forward([message]) },
    speak && { key: "star", label: message.starred ? t("chat.unstar") : t("chat.star"), icon: message.starred ? StarOff : Star, onSelect: () => void actions.chat.setStarred(eventId!, !message.starred).catch(actions.failed) },
    speak && { key: "pin", label: message.pinned ? t("chat.unpin") : t("chat.pin"), icon: message.pinned ? PinOff : Pin, onSelect: () => void actions.chat.setPinned(eventId!, !message.pinned).catch(actions.failed) },
    { key: "select", label: t("chat.select"), icon: CheckSquare, onSelect: () => actions.select(message) },
    { key: "details", label: t("chat.details"), icon: Info, onSelect: () => actions.details(message) },
    { key: "line", separator: true },
    eventId !== undefined && !message.isOwn && { key: "report", label: t("chat.report"), icon: Flag, danger: true, onSelect: () => actions.report(message) },
    { key: "delete", label: t("chat.delete"), icon: Trash2, danger: true, onSelect: () => actions.askDelete([message]) },
  ];
  return entries.filter((entry) => entry !== false);
}
