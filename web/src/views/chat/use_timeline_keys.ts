import { useCallback, useState, type KeyboardEvent, type RefObject } from "react";
import type { TimelineItem } from "@/domain/engine";
import type { Message } from "@/domain/message";
import type { ChatActions } from "./chat_actions";
import { maySpeakOf } from "./message_menu";

export interface Pointed {
  readonly message: Message;
  readonly element: Element;
}

/** The message that an element of the timeline belongs to. */
export function findMessage(items: readonly TimelineItem[], element: EventTarget | null): Pointed | null {
  const row = element instanceof Element ? element.closest("[data-key]") : null;
  const key = row?.getAttribute("data-key");
  const item = items.findLast((each) => each.key === key);
  return row && item?.type === "message" ? { message: item.message, element: row } : null;
}

export function openMenuAt(element: Element): void {
  const box = element.getBoundingClientRect();
  element.dispatchEvent(new MouseEvent("contextmenu", { bubbles: true, cancelable: true, clientX: box.left + box.width / 2, clientY: box.top + Math.min(24, box.height) }));
}

/** Keys on the message that has the focus: go on, answer, edit, delete, open its menu. Undefined if the key means nothing here. */
function keyAction(event: KeyboardEvent, found: Pointed | null, at: number, last: number, actions: ChatActions, focus: (at: number) => void): (() => void) | undefined {
  switch (event.key) {
    case "ArrowUp": return () => focus(Math.max(0, at - 1));
    case "ArrowDown": return () => focus(Math.min(last, at + 1));
    case "Home": return () => focus(0);
    case "End": return () => focus(last);
    default:
  }
  if (!found) return undefined;
  const { message, element } = found;
  if (event.key === "Enter") return () => openMenuAt(element);
  if (event.key === "Delete") return () => actions.askDelete([message]);
  if (event.code === "KeyR" && maySpeakOf(message)) return () => actions.reply(message);
  if (event.code === "KeyE" && message.isOwn && message.body.kind === "text" && maySpeakOf(message)) return () => actions.edit(message);
  return undefined;
}

export function useTimelineKeys(items: readonly TimelineItem[], scroller: RefObject<HTMLDivElement | null>, actions: ChatActions, reveal: (at: number) => void) {
  const [focused, setFocused] = useState<string>();
  const focusAt = useCallback((at: number) => {
    const key = items[at]?.key;
    if (key === undefined) return;
    setFocused(key);
    reveal(at);
    requestAnimationFrame(() => scroller.current?.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`)?.focus());
  }, [items, reveal, scroller]);
  const onKeyDown = (event: KeyboardEvent) => {
    const row = event.target instanceof Element ? event.target.closest("[data-key]") : null;
    if (!row || event.target !== row || event.altKey || event.ctrlKey || event.metaKey) return;
    const at = items.findLastIndex((item) => item.key === row.getAttribute("data-key"));
    const action = keyAction(event, findMessage(items, row), at, items.length - 1, actions, focusAt);
    if (!action) return;
    event.preventDefault();
    action();
  };
  return { focused, setFocused, focusAt, onKeyDown };
}
