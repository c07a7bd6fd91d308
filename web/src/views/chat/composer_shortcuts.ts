import type { KeyboardEvent } from "react";
import { makeLink, prefixLines, wrapSelection, type Edited } from "./composer_text";

/** What Ctrl/Cmd and a key do to the text: the marks of Markdown. Undefined if the key is no shortcut. */
export function applyShortcut(event: KeyboardEvent<HTMLTextAreaElement>): Edited | undefined {
  if (!(event.ctrlKey || event.metaKey) || event.altKey) return undefined;
  const { value: text, selectionStart: start, selectionEnd: end } = event.currentTarget;
  const now = { text, start, end };
  // By the key's place where it has none of these letters (Arabic keyboards).
  const letter = /^[a-z]$/u.test(event.key.toLowerCase()) ? event.key.toLowerCase() : event.code.replace("Key", "").toLowerCase();
  if (event.shiftKey) {
    if (letter === "x") return wrapSelection(now, "~~");
    if (letter === "p") return wrapSelection(now, "||");
    if (event.code === "Digit7") return prefixLines(now, "1. ");
    if (event.code === "Digit8") return prefixLines(now, "- ");
    if (event.code === "Digit9") return prefixLines(now, "> ");
    return undefined;
  }
  if (letter === "b") return wrapSelection(now, "**");
  if (letter === "i") return wrapSelection(now, "_");
  if (letter === "e") return text.slice(start, end).includes("\n") ? wrapSelection(now, "\n```\n") : wrapSelection(now, "`");
  // Without marked words the key opens the list of chats to go to.
  if (letter === "k" && start !== end) return makeLink(now);
  return undefined;
}
