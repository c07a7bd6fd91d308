import { useEffect, useMemo, useRef } from "react";
import type { Chat } from "@/domain/engine";

const repeatAfter_ms = 10_000;
const pause_ms = 6_000;

/** Tells the others that we write: at most once in ten seconds, and that we stopped after six of silence. */
export function useTypingNotice(chat: Chat) {
  const said = useRef(0);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const notice = useMemo(() => ({
    stop() {
      clearTimeout(timer.current);
      if (said.current) chat.setTyping(false);
      said.current = 0;
    },
    noteInput(filled: boolean) {
      if (!filled) { notice.stop(); return; }
      const now = performance.now() + 1;
      if (!said.current || now - said.current > repeatAfter_ms) {
        said.current = now;
        chat.setTyping(true);
      }
      clearTimeout(timer.current);
      timer.current = setTimeout(notice.stop, pause_ms);
    },
  }), [chat]);
  useEffect(() => notice.stop, [notice]);
  return notice;
}
