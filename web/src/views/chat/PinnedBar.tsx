import { useEffect, useState } from "react";
import { Pin } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import type { Chat } from "@/domain/engine";
import type { Message } from "@/domain/message";
import { useReadable } from "../use_readable";
import { usePreview } from "./use_preview";
import css from "./PinnedBar.module.css";

const looked_at_max = 20;

/** The pinned messages that can be had, the newest pin first; those deleted meanwhile are left out. */
function usePinned(chat: Chat): readonly Message[] {
  const engine = useEngine();
  const { pinned } = useReadable(engine.care(chat.roomId).details);
  const wanted = pinned.slice(-looked_at_max).join(" ");
  const [messages, setMessages] = useState<readonly Message[]>([]);
  useEffect(() => {
    let current = true;
    const ids = wanted === "" ? [] : wanted.split(" ").reverse();
    void Promise.all(ids.map((id) => chat.message(id).catch(() => undefined))).then((found) => {
      if (current) setMessages(found.filter((message) => message !== undefined && message.body.kind !== "deleted") as readonly Message[]);
    });
    return () => { current = false; };
  }, [chat, wanted]);
  return messages;
}

/** Under the header: what is pinned. Each press goes to the one before it. */
export function PinnedBar({ chat, onJump }: { readonly chat: Chat; readonly onJump: (eventId: string) => void }) {
  const { t } = useTranslation();
  const preview = usePreview();
  const messages = usePinned(chat);
  const [next, setNext] = useState(0);
  const at = next % Math.max(1, messages.length);
  const message = messages[at];
  if (!message) return null;
  return (
    <button type="button" className={css.bar} onClick={() => { onJump(message.eventId!); setNext(at + 1); }}>
      <Pin size={18} aria-hidden="true" />
      <span className={css.words}>
        <span className={css.title}>{messages.length > 1 ? t("pinned.number", { number: messages.length - at, count: messages.length }) : t("pinned.one")}</span>
        <span className={css.text} dir="auto">{preview(message.body)}</span>
      </span>
    </button>
  );
}
