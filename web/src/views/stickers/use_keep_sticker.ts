import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import type { Message } from "@/domain/message";
import { announce } from "../common/LiveRegion";
import { showToast, useShowProblem } from "../common/Toasts";
import { useMedia } from "../media/media_context";

/** Puts a sticker that was received into one's own pack: a clean copy, not the sender's file. */
export function useKeepSticker(): (message: Message) => void {
  const { t } = useTranslation();
  const { stickers } = useEngine();
  const media = useMedia();
  const showProblem = useShowProblem();
  const keep = async ({ body }: Message): Promise<void> => {
    if (body.kind !== "sticker") return;
    const opened = await media.open(body.picture.source);
    try {
      await stickers.add("own", await media.shapeSticker(opened.blob), body.name);
    } finally {
      opened.release();
    }
    announce(t("stickers.kept"));
    showToast({ text: t("stickers.kept") });
  };
  return (message) => void keep(message).catch(showProblem);
}
