import { useEffect, useImperativeHandle, useState, type ClipboardEvent, type KeyboardEvent, type Ref } from "react";
import { Mic, Smile, Timer } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Chat, ChatSummary, Member, OutgoingText } from "@/domain/engine";
import type { Recorded } from "@/domain/media/ports";
import type { StickerImage } from "@/domain/stickers";
import { useReadable } from "../use_readable";
import { IconButton } from "../common/IconButton";
import { useFormats } from "../common/locale";
import { VoiceRecordBar } from "../media/VoiceRecordBar";
import { useSendSticker } from "../stickers/use_send_sticker";
import { AttachMenu } from "./AttachMenu";
import { replyTarget, type ComposerMode } from "./composer_mode";
import { chatPreferences } from "./chat_preferences";
import { ComposerBar } from "./ComposerBar";
import { applyShortcut } from "./composer_shortcuts";
import { findMention, linkMentions } from "./composer_text";
import { EmojiPopover } from "./EmojiPopover";
import { FormatBar } from "./FormatBar";
import { MentionList } from "./MentionList";
import { ScheduledBar } from "./ScheduledBar";
import { SendButton, type Manner } from "./SendButton";
import { useComposerField, type ComposerField } from "./use_composer_field";
import { useMarked } from "./use_marked";
import { useMentions } from "./use_mentions";
import { useTypingNotice } from "./use_typing_notice";
import css from "./Composer.module.css";

export interface ComposerHandle {
  focus(): void;
}

export interface ComposerProps {
  readonly chat: Chat;
  readonly myUserId: string;
  readonly mode: ComposerMode;
  readonly onDone: () => void;
  readonly onEditLast: () => void;
  readonly onFiles: (files: readonly File[], asFiles?: boolean) => void;
  /** Looks whether the text is somebody else's, pasted (see domain/forward_guard); calls back with its hop if it may go out, at once or when confirmed. */
  readonly checkText: (text: string, send: (hop: number) => void) => void;
  readonly autoFocus?: boolean;
  readonly ref?: Ref<ComposerHandle>;
}

/** Sends what is in the field, as a new message, an answer or an edit. */
function useSending({ chat, mode, onDone, checkText }: ComposerProps, { field, clear }: ComposerField, mentions: ReturnType<typeof useMentions>, stopTyping: () => void) {
  const sendNow = (text: string, hop: number, { silent, at }: Manner) => {
    const outgoing: OutgoingText = { ...linkMentions(text, mentions.chosen), hop, ...replyTarget(mode), ...(silent ? { silent } : {}) };
    if (mode.type !== "edit" && at !== undefined) chat.schedule(outgoing, at);
    else if (mode.type !== "edit") chat.sendText(outgoing);
    else if (mode.message.eventId) chat.edit(mode.message.eventId, outgoing);
    clear();
    mentions.forget();
    stopTyping();
    onDone();
    field.current?.focus();
  };
  return (manner: Manner = {}) => {
    const text = field.current?.value.trim() ?? "";
    if (text === "") return;
    // What is edited in may be pasted as well; what was forwarded stays so, however it is rewritten.
    if (mode.type === "edit") checkText(text, (hop) => sendNow(text, Math.max(hop, mode.message.hop), {}));
    else checkText(text, (hop) => sendNow(text, hop, manner));
  };
}

function useComposerKeys({ mode, onDone, onEditLast }: ComposerProps, { query, put, closeQuery }: ComposerField, mentions: ReturnType<typeof useMentions>, choose: (member: Member) => void, send: () => void) {
  const { enterSends } = useReadable(chatPreferences);
  return (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.nativeEvent.isComposing) return;
    if (query && mentions.found.length && mentions.onKey(event, choose, closeQuery)) return;
    const edited = applyShortcut(event);
    if (edited) { event.preventDefault(); put(edited); return; }
    const coarse = matchMedia("(pointer: coarse)").matches;
    const sends = event.key === "Enter" && (event.ctrlKey || event.metaKey || (enterSends && !event.shiftKey && !event.altKey && !coarse));
    if (sends) { event.preventDefault(); send(); }
    else if (event.key === "ArrowUp" && event.currentTarget.value === "" && mode.type === "new") { event.preventDefault(); onEditLast(); }
    else if (event.key === "Escape" && mode.type !== "new") { event.preventDefault(); event.stopPropagation(); onDone(); }
  };
}

/** Puts a chosen person's name where it was being typed. */
function useChoice({ field, query, put, closeQuery }: ComposerField, mentions: ReturnType<typeof useMentions>) {
  return (member: Member) => {
    const element = field.current!;
    const found = query ?? findMention(element.value, element.selectionStart);
    if (!found) return;
    const name = mentions.choose(member);
    const at = found.from + name.length + 2;
    put({ text: `${element.value.slice(0, found.from)}@${name} ${element.value.slice(element.selectionStart)}`, start: at, end: at });
    closeQuery();
  };
}

function takeFiles(event: ClipboardEvent, onFiles: (files: readonly File[]) => void): void {
  const files = [...event.clipboardData.files];
  if (!files.length) return;
  event.preventDefault();
  onFiles(files);
}

export function Composer(props: ComposerProps) {
  const { chat, myUserId, mode, onDone, onFiles, ref } = props;
  const { t } = useTranslation();
  const summary = useReadable(chat.summary);
  const text = useComposerField(chat, mode);
  const { field, filled, query, put } = text;
  const [recording, setRecording] = useState(false);
  const marked = useMarked(field);
  const typing = useTypingNotice(chat);
  const mentions = useMentions(chat, myUserId, query?.words);
  const send = useSending(props, text, mentions, typing.stop);
  const choose = useChoice(text, mentions);
  const onKeyDown = useComposerKeys(props, text, mentions, choose, send);
  const { autoFocus = false } = props;
  useEffect(() => { if (autoFocus && matchMedia("(pointer: fine)").matches) field.current?.focus(); }, [autoFocus, field]);
  useImperativeHandle(ref, () => ({ focus: () => field.current?.focus() }), [field]);
  const sendVoice = (recorded: Recorded) => {
    chat.sendFile({ ...recorded, kind: "voice", hop: 0, ...replyTarget(mode) });
    setRecording(false);
    onDone();
  };
  const putSticker = useSendSticker(chat);
  const sendSticker = (sticker: StickerImage) => {
    putSticker(sticker, replyTarget(mode).replyTo);
    onDone();
  };
  const listShown = query !== undefined && mentions.found.length > 0;

  if (recording) return <div className={css.composer}><VoiceRecordBar onSend={sendVoice} onClose={() => setRecording(false)} /></div>;
  return (
    <div className={css.composer}>
      {mode.type !== "new" && <ComposerBar mode={mode} onClose={onDone} />}
      <ScheduledBar chat={chat} />
      {marked && <FormatBar read={() => ({ text: field.current!.value, start: field.current!.selectionStart, end: field.current!.selectionEnd })} put={put} />}
      {listShown && <MentionList id={mentions.listId} members={mentions.found} active={mentions.active} onChoose={choose} />}
      <div className={css.row}>
        <AttachMenu chat={chat} onFiles={onFiles} />
        <div className={css.box}>
          <div className={css.grow}>
            <textarea
              ref={field}
              className={css.field}
              rows={1}
              dir="auto"
              defaultValue={summary.draft ?? ""}
              aria-label={t("composer.label", { name: summary.name })}
              placeholder={t("composer.placeholder")}
              aria-autocomplete="list"
              aria-controls={listShown ? mentions.listId : undefined}
              aria-activedescendant={listShown ? `${mentions.listId}-${mentions.active}` : undefined}
              onInput={(event) => { text.changed(); typing.noteInput(event.currentTarget.value !== ""); }}
              onSelect={() => { if (query) text.changed(); }}
              onKeyDown={onKeyDown}
              onPaste={(event) => takeFiles(event, onFiles)}
              maxLength={16_000}
            />
          </div>
          <DisappearsAfter summary={summary} />
          <EmojiPopover onPick={text.insert} stickers={mode.type === "edit" ? undefined : { roomId: chat.roomId, onPick: sendSticker }} trigger={<IconButton label={t("composer.emoji")} icon={Smile} />} />
        </div>
        {filled || mode.type === "edit"
          ? <SendButton disabled={!filled} isEdit={mode.type === "edit"} onSend={send} />
          : <IconButton tone="accent" label={t("composer.record")} icon={Mic} onClick={() => setRecording(true)} />}
      </div>
    </div>
  );
}

function DisappearsAfter({ summary }: { readonly summary: ChatSummary }) {
  const { t } = useTranslation();
  const formats = useFormats();
  if (summary.disappearAfterS <= 0) return null;
  const time = formats.duration(summary.disappearAfterS);
  return <span className={css.timer} title={t("composer.disappears", { time })}><Timer size={16} aria-hidden="true" />{time}</span>;
}
