import { useLayoutEffect, useMemo, useRef, type RefObject } from "react";
import { useTranslation } from "react-i18next";
import type { Chat } from "@/domain/engine";
import type { MediaSource, Message } from "@/domain/message";
import { announce } from "../common/LiveRegion";
import { showToast, useShowProblem } from "../common/Toasts";
import { useKeepSticker } from "../stickers/use_keep_sticker";
import type { ChatActions } from "./chat_actions";
import type { OpenDialog } from "./ChatDialogs";
import type { ComposerMode } from "./composer_mode";
import { textToCopy } from "./message_menu";
import { noteEmoji } from "./recent_emojis";
import type { TimelineHandle } from "./Timeline";
import { findNearby } from "./timeline_lookup";

interface Setters {
  readonly setMode: (mode: ComposerMode) => void;
  readonly setSelection: (change: (old: ReadonlySet<string> | null) => ReadonlySet<string> | null) => void;
  readonly setDialog: (dialog: OpenDialog) => void;
  readonly setPicking: (picking: { readonly message: Message; readonly anchor: Element }) => void;
}

interface Outside {
  readonly onThread?: ((rootEventId: string) => void) | undefined;
  readonly onOpenPerson: (userId: string) => void;
  readonly onOpenRoom: (target: string) => void;
}

/** Looks pictures up by user ID; the table is made anew only when the members have changed. */
function buildAvatarLookup(chat: Chat): (userId: string) => MediaSource | undefined {
  let members = chat.members.get();
  let table: ReadonlyMap<string, MediaSource | undefined> | undefined;
  return (userId) => {
    if (!table || members !== chat.members.get()) {
      members = chat.members.get();
      table = new Map(members.map((member) => [member.userId, member.avatar]));
    }
    return table.get(userId);
  };
}

/** The actions of one open chat: one object for as long as the chat is the same. */
export function useBuiltActions(chat: Chat, myUserId: string, outside: Outside, timeline: RefObject<TimelineHandle | null>, setters: Setters): ChatActions {
  const { t } = useTranslation();
  const showProblem = useShowProblem();
  const keepSticker = useKeepSticker();
  const latest = useRef({ outside, setters, t, showProblem, keepSticker });
  useLayoutEffect(() => { latest.current = { outside, setters, t, showProblem, keepSticker }; });
  const hasThreads = outside.onThread !== undefined;
  return useMemo<ChatActions>(() => {
    const set = () => latest.current.setters;
    const findAvatar = buildAvatarLookup(chat);
    const copyText = (text: string): void => void navigator.clipboard.writeText(text).then(
      () => { announce(latest.current.t("chat.copied")); showToast({ text: latest.current.t("chat.copied") }); },
      () => showToast({ text: latest.current.t("chat.copy_failed"), tone: "danger" }),
    );
    return {
      chat,
      myUserId,
      reply: (message) => set().setMode({ type: "reply", message }),
      edit: (message) => set().setMode({ type: "edit", message }),
      forward: (messages) => set().setDialog({ type: "forward", messages: messages.flatMap(partsOf) }),
      askDelete: (messages) => set().setDialog({ type: "delete", messages: messages.flatMap(partsOf) }),
      details: (message) => set().setDialog({ type: "details", message }),
      report: (message) => set().setDialog({ type: "report", eventId: message.eventId ?? null }),
      pickReaction: (message, anchor) => set().setPicking({ message, anchor }),
      react(message, key) {
        if (!message.eventId) return;
        if (message.reactions.some((reaction) => reaction.key === key && reaction.mine !== undefined)) chat.unreact(message.eventId, key);
        else {
          chat.react(message.eventId, key);
          noteEmoji(key);
        }
      },
      copy: (messages) => copyText(messages.map((message) => (messages.length > 1 ? `${message.senderName}: ${textToCopy(message)}` : textToCopy(message))).join("\n")),
      copyText,
      keepSticker: (message) => latest.current.keepSticker(message),
      select: (message) => set().setSelection((old) => {
        const next = new Set(old ?? []);
        const chosen = next.has(message.id);
        for (const { id } of partsOf(message)) if (chosen) next.delete(id); else next.add(id);
        return next;
      }),
      jump: (eventId) => timeline.current?.jump(eventId),
      openThread: hasThreads ? (rootEventId) => latest.current.outside.onThread?.(rootEventId) : undefined,
      failed: (problem) => latest.current.showProblem(problem),
      openPerson: (userId) => latest.current.outside.onOpenPerson(userId),
      openRoom: (target) => latest.current.outside.onOpenRoom(target),
      openMedia: (message) => set().setDialog({ type: "media", message }),
      avatarOf: findAvatar,
      loadedMessage: (eventId) => findNearby(chat.timeline.get().items, eventId),
    };
  }, [chat, myUserId, timeline, hasThreads]);
}

/** The pictures of an album, which are forwarded, deleted and selected together. */
function partsOf(message: Message): readonly Message[] {
  return message.album ?? [message];
}
