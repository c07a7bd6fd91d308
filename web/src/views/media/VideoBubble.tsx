import { Play } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Picture } from "@/domain/message";
import { useFormats } from "@/views/common/locale";
import { MediaFrame } from "./MediaFrame";
import css from "./VideoBubble.module.css";

export interface VideoBubbleProps {
  readonly picture: Picture;
  readonly durationMs: number;
  readonly name: string;
  /** Opens the viewer, which plays it. */
  readonly onOpen: () => void;
}

export function VideoBubble({ picture, durationMs, name, onOpen }: VideoBubbleProps) {
  const label = useVideoLabel()(name, durationMs);
  return (
    <MediaFrame picture={picture} label={label} onOpen={onOpen} onlyThumbnail>
      <VideoMark durationMs={durationMs} />
    </MediaFrame>
  );
}

/** What a screen reader says of a film; whoever speaks to the page says what is seen on it, so the length belongs to it. */
export function useVideoLabel(): (name: string, durationMs: number) => string {
  const { t } = useTranslation();
  const formats = useFormats();
  return (name, durationMs) => [t("media.video", { name }), ...(durationMs > 0 ? [formats.clock(durationMs)] : [])].join(" · ");
}

/** The triangle and the length on a film's picture. */
export function VideoMark({ durationMs }: { readonly durationMs: number }) {
  const formats = useFormats();
  return <>
    <span className={css.play} aria-hidden="true"><Play size={26} fill="currentColor" /></span>
    {durationMs > 0 && <span className={css.time}>{formats.clock(durationMs)}</span>}
  </>;
}
