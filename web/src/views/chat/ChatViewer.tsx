import { useMemo } from "react";
import type { Chat } from "@/domain/engine";
import { richTextToPlain } from "@/domain/rich_text_plain";
import { useReadable } from "../use_readable";
import { Viewer, type ViewerItem } from "../media/Viewer";

/** The viewer over the pictures and films of a chat that are loaded. */
export default function ChatViewer({ chat, startId, onClose }: { readonly chat: Chat; readonly startId: string; readonly onClose: () => void }) {
  const { items } = useReadable(chat.timeline);
  const shown = useMemo(() => items.flatMap((item): readonly ViewerItem[] => {
    if (item.type !== "message" || item.message.viewOnce) return [];
    const { message } = item;
    const { body } = message;
    if (body.kind !== "image" && body.kind !== "video") return [];
    return [{ id: message.id, kind: body.kind, picture: body.picture, name: body.name, senderName: message.senderName, sentAt: message.sentAt, ...(body.caption ? { caption: richTextToPlain(body.caption) } : {}) }];
  }), [items]);
  return <Viewer items={shown} startId={startId} onClose={onClose} onNeedBefore={() => void chat.loadBefore().catch(() => undefined)} />;
}
