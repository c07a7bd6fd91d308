import { useRef } from "react";
import type { StickerImage } from "@/domain/stickers";
import { classNames } from "../common/class_names";
import { useInView } from "../media/use_in_view";
import { useMediaUrl } from "../media/use_media_url";
import { useStill } from "../media/use_still";
import css from "./stickers.module.css";

/** A sticker of a pack, fetched when it comes near the visible part. What it shows is said by what is around it. */
export function StickerThumb({ sticker, side, className }: { readonly sticker: StickerImage; readonly side: number; readonly className?: string | undefined }) {
  const ref = useRef<HTMLSpanElement>(null);
  const isSeen = useInView(ref);
  const { open } = useMediaUrl(sticker.source, { wanted: isSeen, side });
  const { url } = useStill(open);
  return (
    <span ref={ref} className={classNames(css.thumb, className)} aria-hidden="true">
      {url && <img src={url} alt="" draggable={false} />}
    </span>
  );
}
