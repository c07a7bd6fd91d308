import { useCallback, useEffect, useMemo, useRef, useState, type DragEvent, type KeyboardEvent } from "react";
import { Upload } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import type { Decision } from "@/domain/forward_guard/forward_guard";
import type { Message } from "@/domain/message";
import { useReadable } from "../use_readable";
import { ConfirmDialog } from "../common/Dialog";
import { showToast, useShowProblem } from "../common/Toasts";
import { ChatActionsContext } from "./chat_actions";
import { chatPreferences } from "./chat_preferences";
import { ChatDialogs, type OpenDialog } from "./ChatDialogs";
import { ChatHeader } from "./ChatHeader";
import { Composer, type ComposerHandle, type ComposerMode } from "./Composer";
import { EmojiPopoverAt } from "./EmojiPopover";
import { useForwardGuard } from "./guard_context";
import { InviteBar } from "./InviteBar";
import { SelectionBar } from "./SelectionBar";
import { Timeline, type TimelineHandle } from "./Timeline";
import { useBuiltActions } from "./use_built_actions";
import css from "./ChatView.module.css";

export interface ChatViewProps {
  readonly roomId: string;
  readonly onBack?: (() => void) | undefined;
  readonly onInfo: () => void;
  readonly onSearch: () => void;
  readonly onOpenPerson: (userId: string) => void;
  readonly onOpenRoom: (target: string) => void;
  /** An event to show, for example one that was searched for. */
  readonly shownEvent?: string | undefined;
  readonly onLeft: () => void;
}

const newMode: ComposerMode = { type: "new" };

export function ChatView(props: ChatViewProps) {
  const { roomId, onBack, onInfo, onSearch, shownEvent } = props;
  const { t } = useTranslation();
  const engine = useEngine();
  const chat = useMemo(() => engine.openChat(roomId), [engine, roomId]);
  const summary = useReadable(chat.summary);
  const { background } = useReadable(chatPreferences);
  const guard = useForwardGuard();
  const showProblem = useShowProblem();
  const [mode, setMode] = useState<ComposerMode>(newMode);
  const [selection, setSelection] = useState<ReadonlySet<string> | null>(null);
  const [dialog, setDialog] = useState<OpenDialog | null>(null);
  const [picking, setPicking] = useState<{ readonly message: Message; readonly anchor: Element } | null>(null);
  const [dropping, setDropping] = useState(false);
  const [pasted, setPasted] = useState<{ readonly send: () => void } | null>(null);
  const timeline = useRef<TimelineHandle>(null);
  const composer = useRef<ComposerHandle>(null);
  const actions = useBuiltActions(chat, engine.userId, props, timeline, { setMode, setSelection, setDialog, setPicking });

  useEffect(() => { if (shownEvent) timeline.current?.jump(shownEvent); }, [shownEvent]);
  // On a phone the keyboard would jump up; with a mouse one wants to write at once.
  useEffect(() => { if (matchMedia("(pointer: fine)").matches) composer.current?.focus(); }, [chat]);

  const done = useCallback(() => setMode(newMode), []);
  const editLast = useCallback(() => {
    const last = chat.timeline.get().items.findLast((item) => item.type === "message" && item.message.isOwn && item.message.body.kind === "text" && item.message.eventId !== undefined);
    if (last?.type === "message") setMode({ type: "edit", message: last.message });
  }, [chat]);
  const sendFiles = useCallback((files: readonly File[]) => { if (files.length) setDialog({ type: "files", files }); }, []);

  const checkText = useCallback((text: string, send: (hop: number) => void) => {
    const content = { text };
    const decision: Decision = guard.inspectComposed(content);
    const target = { roomId, isGroup: summary.kind !== "direct" && summary.kind !== "notes" };
    if (!guard.mayForward(decision, content, [target])) { showToast({ text: t("forward.none_left"), tone: "danger" }); return; }
    const go = () => {
      if (decision.kind === "forward") guard.recordForward(content, [target]);
      send(decision.hop);
    };
    if (decision.confirm) setPasted({ send: go });
    else go();
  }, [guard, roomId, summary.kind, t]);

  const chosen = (): readonly Message[] => chat.timeline.get().items.flatMap((item) => (item.type === "message" && selection?.has(item.message.id) ? [item.message] : []));
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    if (selection) setSelection(null);
    else if (mode.type !== "new") done();
    else if (onBack) onBack();
    else composer.current?.focus();
    event.preventDefault();
  };
  const drag = {
    onDragOver: (event: DragEvent) => { if (summary.maySend && event.dataTransfer.types.includes("Files")) { event.preventDefault(); setDropping(true); } },
    onDragLeave: (event: DragEvent) => { if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setDropping(false); },
    onDrop: (event: DragEvent) => { event.preventDefault(); setDropping(false); if (summary.maySend) sendFiles([...event.dataTransfer.files]); },
  };

  return (
    <ChatActionsContext.Provider value={actions}>
      <main className={css.view} aria-label={t("chat.chat_with", { name: summary.name })} onKeyDown={onKeyDown} data-background={background} {...drag}>
        <ChatHeader
          chat={chat}
          onBack={onBack}
          onInfo={onInfo}
          onSearch={onSearch}
          onJumpToDate={() => setDialog({ type: "date" })}
          onSelect={() => setSelection(new Set())}
          onReport={() => setDialog({ type: "report", eventId: null })}
          onLeave={() => setDialog({ type: "leave" })}
        />
        <Timeline key={roomId} ref={timeline} chat={chat} many={summary.kind !== "direct" && summary.kind !== "notes"} maySend={summary.maySend} selection={selection} />
        {selection ? (
          <SelectionBar
            count={selection.size}
            onClose={() => setSelection(null)}
            onCopy={() => { actions.copy(chosen()); setSelection(null); }}
            onForward={() => actions.forward(chosen())}
            onDelete={() => actions.askDelete(chosen())}
          />
        ) : summary.membership === "invite" ? <InviteBar chat={chat} onLeft={props.onLeft} />
          : summary.membership !== "join" ? <p className={css.readOnly}>{summary.membership === "knock" ? t("chat.knocking") : t("chat.left")}</p>
            : summary.maySend
              ? <Composer key={roomId} ref={composer} chat={chat} myUserId={engine.userId} mode={mode} onDone={done} onEditLast={editLast} onFiles={sendFiles} checkText={checkText} />
              : <p className={css.readOnly}>{summary.kind === "channel" ? t("chat.channel_read_only") : t("chat.may_not_send")}</p>}
        {dropping && <div className={css.drop} aria-hidden="true"><Upload size={44} /><span>{t("files.drop")}</span></div>}
        {picking && <EmojiPopoverAt anchor={picking.anchor} onPick={(key) => actions.react(picking.message, key)} onClose={() => setPicking(null)} />}
        <ChatDialogs
          chat={chat}
          dialog={dialog}
          replyTo={mode.type === "reply" ? mode.message.eventId : undefined}
          onJumpToDate={(at) => timeline.current?.jumpToTime(at)}
          onClose={(acted) => { setDialog(null); if (acted) { setSelection(null); done(); } }}
          onLeave={() => void chat.leave().then(props.onLeft, showProblem)}
        />
        <ConfirmDialog open={pasted !== null} onOpenChange={() => setPasted(null)} title={t("forward.confirm_title")} description={t("forward.confirm_text")} confirm={t("forward.confirm_send")} onConfirm={() => pasted?.send()} />
      </main>
    </ChatActionsContext.Provider>
  );
}
