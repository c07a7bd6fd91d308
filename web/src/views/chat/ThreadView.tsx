import { useCallback, useMemo, useRef, useState, type KeyboardEvent } from "react";
import { ArrowLeft, X } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import type { Message } from "@/domain/message";
import { useReadable } from "../use_readable";
import { IconButton } from "../common/IconButton";
import { ChatActionsContext } from "./chat_actions";
import { ChatDialogs, type OpenDialog } from "./ChatDialogs";
import { CannotWrite } from "./CannotWrite";
import { Composer, type ComposerHandle } from "./Composer";
import type { ComposerMode } from "./composer_mode";
import { EmojiPopoverAt } from "./EmojiPopover";
import { SelectionBar } from "./SelectionBar";
import { Timeline, type TimelineHandle } from "./Timeline";
import { findLastOwnText } from "./timeline_lookup";
import { useBuiltActions } from "./use_built_actions";
import { useForwardCheck } from "./use_forward_check";
import { PaneTitle } from "../layout/PaneTitle";
import css from "./ThreadView.module.css";

export interface ThreadViewProps {
  readonly roomId: string;
  /** The message that the thread hangs under. */
  readonly rootId: string;
  readonly onClose: () => void;
  /** Back to the list of all threads, where it was opened from there. */
  readonly onBack?: (() => void) | undefined;
  readonly onOpenPerson: (userId: string) => void;
  readonly onOpenRoom: (target: string) => void;
}

const newMode: ComposerMode = { type: "new" };

/** A thread beside its chat, or in its place where there is no room: the message, its answers, and a field for one more. */
export function ThreadView(props: ThreadViewProps) {
  const { roomId, rootId, onClose } = props;
  const { t } = useTranslation();
  const engine = useEngine();
  const chat = useMemo(() => engine.openChat(roomId).thread(rootId), [engine, roomId, rootId]);
  const summary = useReadable(chat.summary);
  const [mode, setMode] = useState<ComposerMode>(newMode);
  const [selection, setSelection] = useState<ReadonlySet<string> | null>(null);
  const [dialog, setDialog] = useState<OpenDialog | null>(null);
  const [picking, setPicking] = useState<{ readonly message: Message; readonly anchor: Element } | null>(null);
  const timeline = useRef<TimelineHandle>(null);
  const composer = useRef<ComposerHandle>(null);
  const actions = useBuiltActions(chat, engine.userId, props, timeline, { setMode, setSelection, setDialog, setPicking });
  const { checkText, checkFiles, asked } = useForwardCheck(summary);
  const done = useCallback(() => setMode(newMode), []);
  const editLast = useCallback(() => {
    const last = findLastOwnText(chat.timeline.get().items);
    if (last) setMode({ type: "edit", message: last });
  }, [chat]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || event.defaultPrevented || (!selection && mode.type === "new")) return;
    if (selection) setSelection(null);
    else done();
    event.preventDefault();
  };
  return (
    <ChatActionsContext.Provider value={actions}>
      {/* oxlint-disable-next-line jsx-a11y/no-static-element-interactions -- Escape ends answering and choosing before it closes the thread */}
      <div className={css.view} onKeyDown={onKeyDown}>
        <div className={css.head}>{props.onBack && <IconButton label={t("thread.back")} icon={ArrowLeft} mirrored onClick={props.onBack} />}<PaneTitle className={css.title}>{t("thread.title")}</PaneTitle><IconButton label={t("thread.close")} icon={X} onClick={onClose} /></div>
        <Timeline ref={timeline} chat={chat} many maySend={summary.maySend} selection={selection} />
        {selection ? <SelectionBar chat={chat} actions={actions} selection={selection} onClose={() => setSelection(null)} />
          : summary.membership === "join" && summary.maySend
            ? <Composer ref={composer} autoFocus chat={chat} myUserId={engine.userId} mode={mode} onDone={done} onEditLast={editLast} onFiles={(files) => { if (files.length) setDialog({ type: "files", files }); }} checkText={checkText} />
            : <CannotWrite chat={chat} />}
        {picking && <EmojiPopoverAt anchor={picking.anchor} onPick={(key) => actions.react(picking.message, key)} onClose={() => setPicking(null)} />}
        <ChatDialogs
          chat={chat}
          checkFiles={checkFiles}
          dialog={dialog}
          replyTo={mode.type === "reply" ? mode.message.eventId : undefined}
          onJumpToDate={() => undefined}
          onClose={(acted) => { setDialog(null); if (acted) { setSelection(null); done(); } }}
          onLeave={onClose}
        />
        {asked}
      </div>
    </ChatActionsContext.Provider>
  );
}
