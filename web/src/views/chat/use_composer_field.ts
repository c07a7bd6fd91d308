import { useCallback, useEffect, useRef, useState, type RefObject } from "react";
import type { Chat } from "@/domain/engine";
import { writeMarkdown } from "@/domain/rich_text_write";
import type { ComposerMode } from "./composer_mode";
import { findMention, type Edited, type MentionQuery } from "./composer_text";

const draftAfter_ms = 400;

export interface ComposerField {
  readonly field: RefObject<HTMLTextAreaElement | null>;
  readonly filled: boolean;
  readonly query: MentionQuery | undefined;
  readonly closeQuery: () => void;
  /** To be called when the text or the selection changed. */
  readonly changed: () => void;
  readonly put: (edited: Edited) => void;
  readonly insert: (words: string) => void;
  /** After sending; the draft goes as well. */
  readonly clear: () => void;
}

/** Shows a text in the field, and in the invisible copy behind it that sets its height. */
function show(element: HTMLTextAreaElement, text: string): void {
  element.value = text;
  element.parentElement!.dataset["text"] = text;
}

/** The draft goes to the chat when one pauses, and what was typed last when one leaves within the pause. */
function useDraft(chat: Chat, field: RefObject<HTMLTextAreaElement | null>) {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const drop = useCallback(() => {
    clearTimeout(timer.current);
    timer.current = undefined;
  }, []);
  const note = useCallback((text: string) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      timer.current = undefined;
      chat.setDraft(text);
    }, draftAfter_ms);
  }, [chat]);
  useEffect(() => {
    const element = field.current;
    return () => {
      if (timer.current === undefined) return;
      drop();
      if (element) chat.setDraft(element.value);
    };
  }, [chat, field, drop]);
  return { note, drop };
}

/** The text itself lives in the field, not in React: typing draws nothing but the field. */
export function useComposerField(chat: Chat, mode: ComposerMode): ComposerField {
  const field = useRef<HTMLTextAreaElement>(null);
  const [filled, setFilled] = useState(() => Boolean(chat.summary.get().draft));
  const [query, setQuery] = useState<MentionQuery>();
  const draft = useDraft(chat, field);
  const isEdit = mode.type === "edit";

  const changed = useCallback(() => {
    const element = field.current!;
    element.parentElement!.dataset["text"] = element.value;
    setFilled(element.value.trim() !== "");
    setQuery(element.selectionStart === element.selectionEnd ? findMention(element.value, element.selectionStart) : undefined);
    if (!isEdit) draft.note(element.value);
  }, [draft, isEdit]);

  const put = useCallback((edited: Edited) => {
    const element = field.current!;
    element.focus();
    element.value = edited.text;
    element.setSelectionRange(edited.start, edited.end);
    changed();
  }, [changed]);

  const insert = useCallback((words: string) => {
    const { value, selectionStart, selectionEnd } = field.current!;
    const at = selectionStart + words.length;
    put({ text: value.slice(0, selectionStart) + words + value.slice(selectionEnd), start: at, end: at });
  }, [put]);

  // Editing brings the message's own Markdown; leaving it brings the draft back. A reply keeps what is there.
  const edited = mode.type === "edit" ? mode.message : undefined;
  useEffect(() => {
    const element = field.current;
    if (!element) return;
    const text = edited?.body.kind === "text" ? writeMarkdown(edited.body.rich) : (chat.summary.get().draft ?? "");
    show(element, text);
    setFilled(text.trim() !== "");
  }, [chat, edited]);
  useEffect(() => {
    if (mode.type === "new") return;
    const element = field.current;
    element?.focus();
    element?.setSelectionRange(element.value.length, element.value.length);
  }, [mode]);

  const clear = useCallback(() => {
    draft.drop();
    if (!isEdit) chat.setDraft("");
    show(field.current!, "");
    setFilled(false);
    setQuery(undefined);
  }, [chat, draft, isEdit]);

  const closeQuery = useCallback(() => setQuery(undefined), []);
  return { field, filled, query, closeQuery, changed, put, insert, clear };
}
