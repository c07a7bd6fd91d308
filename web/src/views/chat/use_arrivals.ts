import { useCallback, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Chat, TimelineItem } from "@/domain/engine";
import { announce } from "../common/LiveRegion";
import { usePreview } from "./use_preview";

/** Follows what arrives at the end: says it aloud, counts what was missed while reading further up, and tells the server what was read. */
export function useArrivals(chat: Chat, items: readonly TimelineItem[], hasAfter: boolean, isAtEnd: () => boolean) {
  const { t } = useTranslation();
  const preview = usePreview();
  const [atEnd, setAtEnd] = useState(true);
  const [missed, setMissed] = useState(0);
  const lastKey = useRef(items[items.length - 1]?.key);

  const readIfSeen = useCallback(() => {
    if (!hasAfter && document.visibilityState === "visible" && isAtEnd()) chat.markRead();
  }, [chat, hasAfter, isAtEnd]);

  const clearMissed = useCallback(() => setMissed(0), []);

  const noteScroll = useCallback(() => {
    const end = isAtEnd();
    setAtEnd(end);
    if (end) { setMissed(0); readIfSeen(); }
  }, [readIfSeen, isAtEnd]);

  useEffect(() => {
    const before = lastKey.current;
    const last = items[items.length - 1];
    lastKey.current = last?.key;
    if (!last || last.key === before || hasAfter) return;
    let fresh = 0;
    for (let at = items.length - 1; at >= 0 && at > items.length - 100 && items[at]!.key !== before; at -= 1) {
      const item = items[at]!;
      if (item.type === "message" && !item.message.isOwn) fresh += 1;
    }
    if (last.type === "message" && !last.message.isOwn) announce(t("chat.new_message", { name: last.message.senderName, text: preview(last.message.body) }));
    if (!atEnd) setMissed((count) => count + fresh);
    else readIfSeen();
  }, [items]); // oxlint-disable-line react/exhaustive-deps -- runs for what arrived, once

  useEffect(() => {
    const timer = setTimeout(readIfSeen, 300);
    document.addEventListener("visibilitychange", readIfSeen);
    return () => { clearTimeout(timer); document.removeEventListener("visibilitychange", readIfSeen); };
  }, [readIfSeen]);

  return { atEnd, missed, clearMissed, noteScroll };
}
