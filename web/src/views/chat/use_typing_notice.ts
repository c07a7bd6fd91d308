import { useEffect, useMemo } from "react";
import type { Chat } from "@/domain/engine";

const repeatAfter_ms = 10_000;
const pause_ms = 6_000;

/** Tells the others that we write: at most once in ten seconds, and that we stopped after six of silence. */
class TypingNotice {
  readonly #chat: Chat;
  #saidAt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(chat: Chat) {
    this.#chat = chat;
  }

  stop = (): void => {
    clearTimeout(this.#timer);
    if (this.#saidAt) this.#chat.setTyping(false);
    this.#saidAt = 0;
  };

  noteInput(filled: boolean): void {
    if (!filled) { this.stop(); return; }
    const now = performance.now() + 1;
    if (!this.#saidAt || now - this.#saidAt > repeatAfter_ms) {
      this.#saidAt = now;
      this.#chat.setTyping(true);
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.stop, pause_ms);
  }
}

export function useTypingNotice(chat: Chat): TypingNotice {
  const notice = useMemo(() => new TypingNotice(chat), [chat]);
  useEffect(() => notice.stop, [notice]);
  return notice;
}
