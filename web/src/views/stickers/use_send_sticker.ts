import { useEngine } from "@/app/engine_context";
import type { Chat } from "@/domain/engine";
import { Problem } from "@/domain/problem";
import type { StickerImage } from "@/domain/stickers";
import { useShowProblem } from "../common/Toasts";
import { useMedia } from "../media/media_context";

/**
 * Sends a sticker of a pack. In an encrypted chat its file goes anew, encrypted: by the pack's address the server would see who sends and
 * fetches which sticker.
 */
export function useSendSticker(chat: Chat): (sticker: StickerImage, replyTo?: string) => void {
  const { stickers } = useEngine();
  const media = useMedia();
  const showProblem = useShowProblem();
  const send = async (sticker: StickerImage, replyTo?: string): Promise<void> => {
    if (!chat.summary.get().encrypted) chat.sendSticker(sticker, replyTo);
    else {
      const opened = await media.open(sticker.source);
      try {
        if (!opened.mimeType.startsWith("image/")) throw new Problem("media_broken");
        const { name, width, height } = sticker;
        chat.sendFile({ file: opened.blob, name, kind: "sticker", hop: 0, width, height, ...(replyTo === undefined ? {} : { replyTo }) });
      } finally {
        opened.release();
      }
    }
    stickers.noteUse(sticker);
  };
  return (sticker, replyTo) => void send(sticker, replyTo).catch(showProblem);
}
