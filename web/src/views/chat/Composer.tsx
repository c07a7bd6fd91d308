import { useCallback, useEffect, useImperativeHandle, useRef, useState, type ClipboardEvent, type KeyboardEvent, type Ref } from "react";
import { Mic, SendHorizontal, Smile, Timer } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Chat, Member, OutgoingText } from "@/domain/engine";
import type { Recorded } from "@/domain/media/ports";
import type { Message } from "@/domain/message";
import { writeMarkdown } from "@/domain/rich_text_write";
import { useReadable } from "../use_readable";
import { IconButton } from "../common/IconButton";
import { useFormats } from "../common/locale";
import { VoiceRecordBar } from "../media/VoiceRecordBar";
import { AttachMenu } from "./AttachMenu";
import { chatPreferences } from "./chat_preferences";
import { ComposerBar } from "./ComposerBar";
import { applyShortcut } from "./composer_shortcuts";
import { findMention, linkMentions, type Edited, type MentionQuery } from "./composer_text";
import { EmojiPopover } from "./EmojiPopover";
import { MentionList } from "./MentionList";
import { useMentions } from "./use_mentions";
import { useTypingNotice } from "./use_typing_notice";
import css from "./Composer.module.css";

export type ComposerMode = { readonly type: "new" } | { readonly type: "reply" | "edit"; readonly message: Message };

export interface ComposerHandle {
  focus(): void;
}

export interface ComposerProps {
  readonly chat: Chat;
  readonly myUserId: string;
  readonly mode: ComposerMode;
  readonly onDone: () => void;
  readonly onEditLast: () => void;
  readonly onFiles: (files: readonly File[]) => void;
  /** Looks whether the text is somebody else's, pasted (see domain/forward_guard); calls back with its hop if it may go out, at once or when confirmed. */
  readonly checkText: (text: string, send: (hop: number) => void) => void;
  readonly ref?: Ref<ComposerHandle>;
}

const draftAfter_ms = 400;

export function Composer({ chat, myUserId, mode, onDone, onEditLast, onFiles, checkText, ref }: ComposerProps) {
  const { t } = useTranslation();
  const formats = useFormats();
  const summary = useReadable(chat.summary);
  const { enterSends } = useReadable(chatPreferences);
  const field = useRef<HTMLTextAreaElement>(null);
  const [filled, setFilled] = useState(() => Boolean(chat.summary.get().draft));
  const [query, setQuery] = useState<MentionQuery>();
  const [recording, setRecording] = useState(false);
  const draftTimer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const typing = useTypingNotice(chat);
  const mentions = useMentions(chat, myUserId, query?.words);

  const changed = useCallback(() => {
    const element = field.current!;
    element.parentElement!.dataset["text"] = element.value;
    setFilled(element.value.trim() !== "");
    setQuery(element.selectionStart === element.selectionEnd ? findMention(element.value, element.selectionStart) : undefined);
    if (mode.type === "edit") return;
    clearTimeout(draftTimer.current);
    draftTimer.current = setTimeout(() => chat.setDraft(element.value), draftAfter_ms);
  }, [chat, mode.type]);

  const put = useCallback((edited: Edited) => {
    const element = field.current!;
    element.focus();
    element.value = edited.text;
    element.setSelectionRange(edited.start, edited.end);
    changed();
  }, [changed]);

  const insert = useCallback((words: string) => {
    const element = field.current!;
    const { value, selectionStart, selectionEnd } = element;
    const at = selectionStart + words.length;
    put({ text: value.slice(0, selectionStart) + words + value.slice(selectionEnd), start: at, end: at });
  }, [put]);

  // Editing brings the message's own Markdown; leaving it brings the draft back.
  useEffect(() => {
    const element = field.current;
    if (!element) return;
    const text = mode.type === "edit" && mode.message.body.kind === "text" ? writeMarkdown(mode.message.body.rich) : chat.summary.get().draft ?? "";
    element.value = text;
    element.parentElement!.dataset["text"] = text;
    setFilled(text.trim() !== "");
    if (mode.type !== "new") { element.focus(); element.setSelectionRange(text.length, text.length); }
  }, [chat, mode]);

  // What was typed last is kept even if the chat is left within the pause.
  useEffect(() => () => {
    if (draftTimer.current === undefined) return;
    clearTimeout(draftTimer.current);
    if (field.current) chat.setDraft(field.current.value);
  }, [chat]);

  useImperativeHandle(ref, () => ({ focus: () => field.current?.focus() }), []);

  const send = () => {
    const element = field.current!;
    const text = element.value.trim();
    if (text === "") return;
    if (mode.type === "edit") sendNow(text, mode.message.hop);
    else checkText(text, (hop) => sendNow(text, hop));
  };

  const sendNow = (text: string, hop: number) => {
    const element = field.current!;
    const linked = linkMentions(text, mentions.chosen);
    const outgoing: OutgoingText = { ...linked, hop, ...(mode.type === "reply" && mode.message.eventId ? { replyTo: mode.message.eventId } : {}) };
    if (mode.type === "edit") {
      if (mode.message.eventId) chat.edit(mode.message.eventId, outgoing);
    } else chat.sendText(outgoing);
    clearTimeout(draftTimer.current);
    draftTimer.current = undefined;
    if (mode.type !== "edit") chat.setDraft("");
    element.value = "";
    element.parentElement!.dataset["text"] = "";
    setFilled(false);
    setQuery(undefined);
    mentions.forget();
    typing.stop();
    onDone();
    element.focus();
  };

  const choose = (member: Member) => {
    const element = field.current!;
    const found = query ?? findMention(element.value, element.selectionStart);
    if (!found) return;
    const name = mentions.choose(member);
    const at = found.from + name.length + 2;
    put({ text: `${element.value.slice(0, found.from)}@${name} ${element.value.slice(element.selectionStart)}`, start: at, end: at });
    setQuery(undefined);
  };

  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.nativeEvent.isComposing) return;
    if (query && mentions.found.length && mentions.onKey(event, choose, () => setQuery(undefined))) return;
    const edited = applyShortcut(event);
    if (edited) { event.preventDefault(); put(edited); return; }
    const coarse = matchMedia("(pointer: coarse)").matches;
    const sends = event.key === "Enter" && (event.ctrlKey || event.metaKey || (enterSends && !event.shiftKey && !event.altKey && !coarse));
    if (sends) { event.preventDefault(); send(); }
    else if (event.key === "ArrowUp" && event.currentTarget.value === "" && mode.type === "new") { event.preventDefault(); onEditLast(); }
    else if (event.key === "Escape" && mode.type !== "new") { event.preventDefault(); event.stopPropagation(); onDone(); }
  };

  const onPaste = (event: ClipboardEvent) => {
    const files = [...event.clipboardData.files];
    if (!files.length) return;
    event.preventDefault();
    onFiles(files);
  };

  const sendVoice = (recorded: Recorded) => {
    chat.sendFile({ ...recorded, kind: "voice", hop: 0, ...(mode.type === "reply" && mode.message.eventId ? { replyTo: mode.message.eventId } : {}) });
    setRecording(false);
    onDone();
  };

  if (recording) return <div className={css.composer}><VoiceRecordBar onSend={sendVoice} onClose={() => setRecording(false)} /></div>;
  return (
    <div className={css.composer}>
      {mode.type !== "new" && <ComposerBar mode={mode} onClose={onDone} />}
      {query && mentions.found.length > 0 && <MentionList id={mentions.listId} members={mentions.found} active={mentions.active} onChoose={choose} />}
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
              aria-controls={query && mentions.found.length ? mentions.listId : undefined}
              aria-activedescendant={query && mentions.found.length ? `${mentions.listId}-${mentions.active}` : undefined}
              onInput={() => { changed(); typing.noteInput(field.current!.value !== ""); }}
              onSelect={() => { if (query) changed(); }}
              onKeyDown={onKeyDown}
              onPaste={onPaste}
              maxLength={16_000}
            />
          </div>
          {summary.disappearAfterS > 0 && <span className={css.timer} title={t("composer.disappears", { time: formats.duration(summary.disappearAfterS) })}><Timer size={16} aria-hidden="true" />{formats.duration(summary.disappearAfterS)}</span>}
          <EmojiPopover onPick={insert} trigger={<IconButton label={t("composer.emoji")} icon={Smile} />} />
        </div>
        {filled || mode.type === "edit"
          ? <IconButton tone="accent" label={mode.type === "edit" ? t("ui.save") : t("composer.send")} icon={SendHorizontal} mirrored onClick={send} disabled={!filled} />
          : <IconButton tone="accent" label={t("composer.record")} icon={Mic} onClick={() => setRecording(true)} />}
      </div>
    </div>
  );
}
