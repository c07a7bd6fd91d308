import { useCallback, useEffect, useMemo, useRef, useState, type KeyboardEvent, type RefObject } from "react";
import { Upload } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import type { Chat } from "@/domain/engine";
import type { Message } from "@/domain/message";
import { useReadable } from "../use_readable";
import { useShowProblem } from "../common/Toasts";
import { ChatActionsContext } from "./chat_actions";
import { chatPreferences } from "./chat_preferences";
import { ChatDialogs, type OpenDialog } from "./ChatDialogs";
import { ChatHeader } from "./ChatHeader";
import { Composer, type ComposerHandle } from "./Composer";
import type { ComposerMode } from "./composer_mode";
import { EmojiPopoverAt } from "./EmojiPopover";
import { CannotWrite } from "./CannotWrite";
import { PinnedBar } from "./PinnedBar";
import { SelectionBar } from "./SelectionBar";
import { SwipeBack } from "./SwipeBack";
import { Timeline, type TimelineHandle } from "./Timeline";
import { findLastOwnText } from "./timeline_lookup";
import { useBuiltActions } from "./use_built_actions";
import { useForwardCheck } from "./use_forward_check";
import { useDrop } from "./use_drop";
import css from "./ChatView.module.css";

export interface ChatViewProps {
  readonly roomId: string;
  readonly onBack?: (() => void) | undefined;
  readonly onInfo: () => void;
  readonly onSearch: () => void;
  readonly onOpenPerson: (userId: string) => void;
  readonly onOpenRoom: (target: string) => void;
  /** Opens the thread under a message. */
  readonly onThread?: ((rootEventId: string) => void) | undefined;
  /** Shows all threads of the chat. */
  readonly onThreads?: (() => void) | undefined;
  /** An event to show, for example one that was searched for. */
  readonly shownEvent?: string | undefined;
  readonly onLeft: () => void;
}

const newMode: ComposerMode = { type: "new" };

function editOf(message: Message | undefined): ComposerMode | undefined {
  return message && { type: "edit", message };
}

/** Goes to an event that was searched for; what was said in a thread is found there. */
function useShownEvent(chat: Chat, shownEvent: string | undefined, timeline: RefObject<TimelineHandle | null>, onThread: ChatViewProps["onThread"]): void {
  useEffect(() => {
    if (!shownEvent) return;
    void chat.message(shownEvent).catch(() => undefined).then((message) => { if (message?.threadRoot && onThread) onThread(message.threadRoot); else timeline.current?.jump(shownEvent); });
  }, [chat, shownEvent]); // oxlint-disable-line react/exhaustive-deps -- once for each event
}

/** On a phone the keyboard would jump up; with a mouse one wants to write at once, also where that is possible a moment later only. */
function useFocus(composer: RefObject<ComposerHandle | null>, chat: Chat, mayWrite: boolean): void {
  useEffect(() => { if (matchMedia("(pointer: fine)").matches) composer.current?.focus(); }, [composer, chat]);
  useEffect(() => { if (mayWrite && document.activeElement === document.body && matchMedia("(pointer: fine)").matches) composer.current?.focus(); }, [composer, mayWrite]);
}

export function ChatView(props: ChatViewProps) {
  const { roomId, onBack, onInfo, onSearch } = props;
  const { t } = useTranslation();
  const engine = useEngine();
  const chat = useMemo(() => engine.openChat(roomId), [engine, roomId]);
  const summary = useReadable(chat.summary);
  const { background } = useReadable(chatPreferences);
  const showProblem = useShowProblem();
  const [mode, setMode] = useState<ComposerMode>(newMode);
  const [selection, setSelection] = useState<ReadonlySet<string> | null>(null);
  const [dialog, setDialog] = useState<OpenDialog | null>(null);
  const [picking, setPicking] = useState<{ readonly message: Message; readonly anchor: Element } | null>(null);
  const timeline = useRef<TimelineHandle>(null);
  const composer = useRef<ComposerHandle>(null);
  const actions = useBuiltActions(chat, engine.userId, props, timeline, { setMode, setSelection, setDialog, setPicking });

  useShownEvent(chat, props.shownEvent, timeline, props.onThread);
  const mayWrite = summary.membership === "join" && summary.maySend;
  useFocus(composer, chat, mayWrite);

  const done = useCallback(() => setMode(newMode), []);
  const editLast = useCallback(() => setMode((now) => editOf(findLastOwnText(chat.timeline.get().items)) ?? now), [chat]);
  const sendFiles = useCallback((files: readonly File[], asFiles = false) => { if (files.length) setDialog({ type: "files", files, asFiles }); }, []);
  const { checkText, checkFiles, asked } = useForwardCheck(summary);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    if (selection) setSelection(null);
    else if (mode.type !== "new") done();
    else if (onBack) onBack();
    else composer.current?.focus();
    event.preventDefault();
  };
  const { dropping, ...drag } = useDrop(summary.maySend, sendFiles);

  return (
    <ChatActionsContext.Provider value={actions}>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- Escape, and files dropped anywhere on the chat */}
      <main className={css.view} data-chat={chat.roomId} aria-label={t("chat.chat_with", { name: summary.name })} onKeyDown={onKeyDown} data-background={background} {...drag}>
        <ChatHeader
          chat={chat}
          onBack={onBack}
          onInfo={onInfo}
          onSearch={onSearch}
          onThreads={props.onThreads}
          onJumpToDate={() => setDialog({ type: "date" })}
          onSelect={() => setSelection(new Set())}
          onReport={() => setDialog({ type: "report", eventId: null })}
          onLeave={() => setDialog({ type: "leave" })}
        />
        {summary.membership === "join" && <PinnedBar chat={chat} onJump={actions.jump} />}
        <Timeline ref={timeline} chat={chat} many={summary.kind !== "direct" && summary.kind !== "notes"} maySend={summary.maySend} selection={selection} />
        {selection ? (
          <SelectionBar chat={chat} actions={actions} selection={selection} onClose={() => setSelection(null)} />
        ) : mayWrite
          ? <Composer ref={composer} chat={chat} myUserId={engine.userId} mode={mode} onDone={done} onEditLast={editLast} onFiles={sendFiles} checkText={checkText} />
          : <CannotWrite chat={chat} />}
        {onBack && <SwipeBack onBack={onBack} />}
        {dropping && <div className={css.drop} aria-hidden="true"><Upload size={44} /><span>{t("files.drop")}</span></div>}
        {picking && <EmojiPopoverAt anchor={picking.anchor} onPick={(key) => actions.react(picking.message, key)} onClose={() => setPicking(null)} />}
        <ChatDialogs
          chat={chat}
          checkFiles={checkFiles}
          dialog={dialog}
          replyTo={mode.type === "reply" ? mode.message.eventId : undefined}
          onJumpToDate={(at) => timeline.current?.jumpToTime(at)}
          onClose={(acted) => { setDialog(null); if (acted) { setSelection(null); done(); } }}
          onLeave={() => void chat.leave().then(props.onLeft, showProblem)}
        />
        {asked}
      </main>
    </ChatActionsContext.Provider>
  );
}
