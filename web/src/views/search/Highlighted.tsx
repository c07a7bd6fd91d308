import { useMemo } from "react";
import { excerpt, highlight } from "@/domain/search/search_highlight";
import { parseQuery } from "@/domain/search/search_query";
import css from "./search.module.css";

const excerpt_chars = 110;

/** A message's words around what was looked for, which is marked. */
export function Highlighted({ text, words }: { readonly text: string; readonly words: string }) {
  const parts = useMemo(() => {
    const line = text.replace(/\s+/gu, " ");
    const shown = excerpt(line, highlight(line, parseQuery(words)), excerpt_chars);
    const pieces: { readonly text: string; readonly marked: boolean }[] = [];
    let at = 0;
    for (const { start, end } of shown.ranges) {
      pieces.push({ text: shown.text.slice(at, start), marked: false }, { text: shown.text.slice(start, end), marked: true });
      at = end;
    }
    return [...pieces, { text: shown.text.slice(at), marked: false }].filter((piece) => piece.text !== "");
  }, [text, words]);
  return <span className={css.excerpt} dir="auto">{parts.map((part, index) => (part.marked ? <mark key={index} className={css.mark}>{part.text}</mark> : part.text))}</span>;
}
