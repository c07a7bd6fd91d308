import { useRef, type ReactNode } from "react";
import { Ban, RotateCw } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Picture } from "@/domain/message";
import { Blurhash } from "./Blurhash";
import { ProgressRing } from "./ProgressRing";
import { useInView } from "./use_in_view";
import { useMediaUrl } from "./use_media_url";
import { useStill } from "./use_still";
import css from "./MediaFrame.module.css";

export interface MediaFrameProps {
  readonly picture: Picture;
  /** What a screen reader says: "Photo: …". */
  readonly label: string;
  readonly onOpen: () => void;
  /** Width divided by height; the picture is cut to it. Without it the picture's own, within bounds. */
  readonly aspect?: number;
  /** Fills its parent instead of having a size. */
  readonly fills?: boolean;
  /** Longer side in CSS pixels that is asked of the server. */
  readonly side?: number;
  /** Films have their picture in the thumbnail; without one there is nothing to fetch but the film. */
  readonly onlyThumbnail?: boolean;
  readonly children?: ReactNode;
}

const ASPECT_MIN = 0.6;
const ASPECT_MAX = 2.2;

/** A picture's own proportions within bounds; 4:3 if the sender does not tell them. */
export function frameAspect(picture: Picture): number {
  const own = picture.width > 0 && picture.height > 0 ? picture.width / picture.height : 4 / 3;
  return Math.max(ASPECT_MIN, Math.min(ASPECT_MAX, own));
}

/** A picture in a bubble: its place is reserved before it is there, so that nothing moves when it comes. */
export function MediaFrame({ picture, label, onOpen, aspect, fills, side = 400, onlyThumbnail, children }: MediaFrameProps) {
  const { t } = useTranslation();
  const ref = useRef<HTMLDivElement>(null);
  const isSeen = useInView(ref);
  const source = picture.thumbnail ?? (onlyThumbnail ? undefined : picture.source);
  const { open, progress, problem, retry } = useMediaUrl(source, { wanted: isSeen, side });
  const shown = useStill(open);
  const shape = fills ? {} : { aspectRatio: String(aspect ?? frameAspect(picture)), inlineSize: `${Math.min(20, Math.round(26 * (aspect ?? frameAspect(picture))))}rem` };
  return (
    <div ref={ref} className={fills ? css.filling : css.frame} style={shape}>
      {picture.blurhash && <Blurhash hash={picture.blurhash} className={css.blur} />}
      {problem ? (
        <div className={css.failed} role="group" aria-label={label}>
          <Ban size={22} aria-hidden="true" />
          <span>{t(`problem.${problem}`)}</span>
          <button type="button" className={css.retry} onClick={retry}><RotateCw size={16} aria-hidden="true" /> {t("ui.retry")}</button>
        </div>
      ) : (
        <button type="button" className={css.open} onClick={onOpen} aria-label={label}>
          {shown.url && <img src={shown.url} alt="" className={css.picture} decoding="async" draggable={false} />}
          {!open && source && <span className={css.waiting}><ProgressRing value={progress} label={t("media.loading")} /></span>}
          {shown.isHeld && open?.mimeType === "image/gif" && <span className={css.held}>GIF</span>}
          {children}
        </button>
      )}
    </div>
  );
}
