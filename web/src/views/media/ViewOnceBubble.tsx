import { useEffect, useEffectEvent, useState } from "react";
import { EyeOff, Flame, X } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import { useTranslation } from "react-i18next";
import type { MediaSource } from "@/domain/message";
import { IconButton } from "@/views/common/IconButton";
import { ProgressRing } from "./ProgressRing";
import { useOpener } from "@/views/common/use_opener";
import { useMediaUrl } from "./use_media_url";
import css from "./ViewOnce.module.css";

export interface ViewOnceBubbleProps {
  readonly kind: "image" | "video" | "voice";
  readonly source: MediaSource;
  readonly isOwn: boolean;
  readonly isViewed: boolean;
  /** Called when it is closed, or the page left, after it was shown: from then on it is gone. May be called twice. */
  readonly onViewed: () => void;
}

/** Opened once, by hand. It is fetched only then, kept nowhere, cannot be saved, and is gone when closed or when the page is left. */
export function ViewOnceBubble({ kind, source, isOwn, isViewed, onViewed }: ViewOnceBubbleProps) {
  const { t } = useTranslation();
  const [isOpen, setOpen] = useState(false);
  const [wasShown, setShown] = useState(false);
  const tell = useEffectEvent(onViewed);
  useEffect(() => {
    if (!isOpen || !wasShown) return;
    // However it ends: closed, scrolled out, the chat left, the page closed.
    const leave = (): void => tell();
    window.addEventListener("pagehide", leave);
    return () => {
      window.removeEventListener("pagehide", leave);
      leave();
    };
  }, [isOpen, wasShown]);
  const isGone = isViewed || (wasShown && !isOpen);
  const name = t(`media.once_${kind}`);
  if (isGone || isOwn) return (
    <span className={css.gone}><EyeOff size={18} aria-hidden="true" /> {t(isGone ? "media.once_opened" : "media.once_sent", { what: name })}</span>
  );
  return <>
    <button type="button" className={css.bubble} onClick={() => setOpen(true)}>
      <span className={css.mark} aria-hidden="true"><Flame size={20} /></span>
      <span className={css.text}><strong>{name}</strong><span>{t("media.once_hint")}</span></span>
    </button>
    {isOpen && <Shown kind={kind} source={source} title={name} onShown={() => setShown(true)} onClose={() => setOpen(false)} />}
  </>;
}

interface ShownProps {
  readonly kind: ViewOnceBubbleProps["kind"];
  readonly source: MediaSource;
  readonly title: string;
  readonly onShown: () => void;
  readonly onClose: () => void;
}

function Shown({ kind, source, title, onShown, onClose }: ShownProps) {
  const { t } = useTranslation();
  const giveFocusBack = useOpener();
  const { open, progress, problem, retry } = useMediaUrl(source, { wanted: true, once: true });
  const type = open?.mimeType ?? "";
  return (
    <Radix.Root open onOpenChange={(next) => !next && onClose()}>
      <Radix.Portal>
        <Radix.Content className={css.viewer} aria-describedby={undefined} onContextMenu={(event) => event.preventDefault()} onCloseAutoFocus={giveFocusBack}>
          <header className={css.top}>
            <Radix.Title className={css.title}>{title}</Radix.Title>
            <Radix.Close asChild><IconButton label={t("ui.close")} icon={X} className={css.close} /></Radix.Close>
          </header>
          <div className={css.stage}>
            {problem && <div role="alert" className={css.problem}><p>{t(`problem.${problem}`)}</p><button type="button" onClick={retry}>{t("ui.retry")}</button></div>}
            {!open && !problem && <ProgressRing value={progress} label={t("media.loading")} />}
            {open && kind === "image" && type.startsWith("image/") && <img src={open.url} alt={title} className={css.picture} draggable={false} onLoad={onShown} />}
            {/* oxlint-disable jsx-a11y/media-has-caption -- what people send each other has no captions */}
            {open && kind === "video" && type.startsWith("video/") && <video src={open.url} className={css.picture} controls controlsList="nodownload noremoteplayback" disablePictureInPicture autoPlay playsInline onPlaying={onShown} aria-label={title} />}
            {open && kind === "voice" && /^(audio|video)\//.test(type) && <audio src={open.url} controls controlsList="nodownload noremoteplayback" autoPlay onPlaying={onShown} aria-label={title} />}
            {/* oxlint-enable jsx-a11y/media-has-caption */}
            {open && !type.startsWith(kind === "voice" ? "audio/" : `${kind}/`) && <p role="alert">{t("problem.media_broken")}</p>}
          </div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
