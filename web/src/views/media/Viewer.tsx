import { useEffect, useState, type KeyboardEvent } from "react";
import { ChevronLeft, ChevronRight, Download, X, ZoomIn, ZoomOut } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import { useTranslation } from "react-i18next";
import type { Picture } from "@/domain/message";
import { IconButton } from "@/views/common/IconButton";
import { useShowProblem } from "@/views/common/Toasts";
import { useFormats } from "@/views/common/locale";
import { Blurhash } from "./Blurhash";
import { useMedia } from "./media_context";
import { playback } from "./playback";
import { ProgressRing } from "./ProgressRing";
import { useOpener } from "@/views/common/use_opener";
import { useMediaUrl } from "./use_media_url";
import { ZoomablePicture } from "./ZoomablePicture";
import css from "./Viewer.module.css";

export interface ViewerItem {
  /** The message's ID. */
  readonly id: string;
  readonly kind: "image" | "video";
  readonly picture: Picture;
  readonly name: string;
  readonly senderName: string;
  readonly sentAt: number;
  readonly caption?: string;
}

export interface ViewerProps {
  /** Pictures and films of the chat, oldest first. */
  readonly items: readonly ViewerItem[];
  readonly startId: string;
  readonly onClose: () => void;
  /** Asked for when the first of `items` is shown: there may be older ones. */
  readonly onNeedBefore?: () => void;
}

/** Full screen. Arrow keys and swipes go through the chat's pictures; + and - zoom; Escape closes. */
export function Viewer({ items, startId, onClose, onNeedBefore }: ViewerProps) {
  const { t } = useTranslation();
  const formats = useFormats();
  const giveFocusBack = useOpener();
  const [id, setId] = useState(startId);
  const [command, setCommand] = useState<{ readonly factor: number }>();
  const index = Math.max(0, items.findIndex((item) => item.id === id));
  const item = items[index];
  useEffect(() => {
    if (index === 0) onNeedBefore?.();
  }, [index, onNeedBefore]);
  const step = (by: 1 | -1): void => {
    const next = items[index + by];
    if (next) setId(next.id);
  };
  const onKeyDown = (event: KeyboardEvent<HTMLElement>): void => {
    if (event.target instanceof HTMLVideoElement) return;
    const isRtl = getComputedStyle(event.currentTarget).direction === "rtl";
    if (event.key === (isRtl ? "ArrowLeft" : "ArrowRight")) step(1);
    else if (event.key === (isRtl ? "ArrowRight" : "ArrowLeft")) step(-1);
    else if (event.key === "+" || event.key === "=") setCommand({ factor: 1.5 });
    else if (event.key === "-") setCommand({ factor: 1 / 1.5 });
    else if (event.key === "0") setCommand({ factor: 0 });
  };
  if (!item) return null;
  return (
    <Radix.Root open onOpenChange={(open) => !open && onClose()}>
      <Radix.Portal>
        <Radix.Content className={css.viewer} aria-describedby={undefined} onKeyDown={onKeyDown} onCloseAutoFocus={giveFocusBack}>
          <header className={css.top}>
            <Radix.Title className={css.title}>
              <bdi>{item.senderName}</bdi>
              <span className={css.when}>{formats.dateTime(item.sentAt)}{items.length > 1 && ` · ${t("media.of", { index: formats.number(index + 1), count: formats.number(items.length) })}`}</span>
            </Radix.Title>
            {item.kind === "image" && <>
              <IconButton label={t("media.zoom_out")} icon={ZoomOut} className={css.button} onClick={() => setCommand({ factor: 1 / 1.5 })} />
              <IconButton label={t("media.zoom_in")} icon={ZoomIn} className={css.button} onClick={() => setCommand({ factor: 1.5 })} />
            </>}
            <SaveButton item={item} />
            <Radix.Close asChild><IconButton label={t("ui.close")} icon={X} className={css.button} /></Radix.Close>
          </header>
          <Stage key={item.id} item={item} command={command} onSwipe={step} onClose={onClose} />
          {index > 0 && <IconButton label={t("media.previous")} icon={ChevronLeft} mirrored className={`${css.button} ${css.previous}`} onClick={() => step(-1)} />}
          {index < items.length - 1 && <IconButton label={t("media.next")} icon={ChevronRight} mirrored className={`${css.button} ${css.next}`} onClick={() => step(1)} />}
          {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a long caption is scrolled by keys */}
          {item.caption && <p className={css.caption} dir="auto" tabIndex={0}>{item.caption}</p>}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

function SaveButton({ item }: { readonly item: ViewerItem }) {
  const { t } = useTranslation();
  const media = useMedia();
  const showProblem = useShowProblem();
  return <IconButton label={t("ui.save")} icon={Download} className={css.button} onClick={() => media.save(item.picture.source, item.name).catch(showProblem)} />;
}

interface StageProps {
  readonly item: ViewerItem;
  readonly command: { readonly factor: number } | undefined;
  readonly onSwipe: (by: 1 | -1) => void;
  readonly onClose: () => void;
}

function Stage({ item, command, onSwipe, onClose }: StageProps) {
  const { t } = useTranslation();
  const { open, progress, problem, retry } = useMediaUrl(item.picture.source, { wanted: true });
  useEffect(() => {
    if (item.kind === "video") playback.stop();
  }, [item.kind]);
  const label = t(item.kind === "video" ? "media.video" : "media.photo", { name: item.name });
  if (problem) return (
    <div className={css.message} role="alert">
      <p>{t(`problem.${problem}`)}</p>
      <p>{t(`problem.${problem}_next`)}</p>
      <button type="button" className={css.retry} onClick={retry}>{t("ui.retry")}</button>
    </div>
  );
  if (!open) return (
    <div className={css.message}>
      {item.picture.blurhash && <Blurhash hash={item.picture.blurhash} className={css.blur} />}
      <span className={css.ring}><ProgressRing value={progress} label={t("media.loading")} /></span>
    </div>
  );
  // oxlint-disable-next-line jsx-a11y/media-has-caption -- what people send each other has no captions
  if (item.kind === "video" && open.mimeType.startsWith("video/")) return <div className={css.stage}><video src={open.url} className={css.film} controls autoPlay playsInline aria-label={label} /></div>;
  if (open.mimeType.startsWith("image/")) return <ZoomablePicture url={open.url} label={label} command={command} onSwipe={onSwipe} onSwipeDown={onClose} />;
  return <div className={css.message} role="alert"><p>{t("problem.media_broken")}</p><p>{t("problem.media_broken_next")}</p></div>;
}
