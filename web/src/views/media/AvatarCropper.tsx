import { useEffect, useRef, useState, type KeyboardEvent, type PointerEvent } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/views/common/Button";
import { Dialog } from "@/views/common/Dialog";
import { useShowProblem } from "@/views/common/Toasts";
import { keepInside, SCALE_MAX, UNZOOMED, zoomAt, type Zoom } from "./crop_zoom";
import { useMedia } from "./media_context";
import css from "./AvatarCropper.module.css";

const AVATAR_SIDE = 512;
const STEP = 12;

export interface AvatarCropperProps {
  readonly file: File;
  readonly onCropped: (picture: Blob) => void;
  readonly onClose: () => void;
}

/** Chooses the square of a picture: dragged, zoomed by wheel or slider, moved by arrow keys. */
export function AvatarCropper({ file, onCropped, onClose }: AvatarCropperProps) {
  const { t } = useTranslation();
  const media = useMedia();
  const showProblem = useShowProblem();
  const [picture, setPicture] = useState<{ readonly url: string; readonly width: number; readonly height: number }>();
  const [zoom, setZoom] = useState<Zoom>(UNZOOMED);
  const [isBusy, setBusy] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const last = useRef<{ x: number; y: number }>(undefined);
  const close = useRef(onClose);
  close.current = onClose;
  useEffect(() => {
    let url: string | undefined;
    let isHere = true;
    media.inspect(file).then((facts) => {
      if (!isHere) return;
      if (facts.kind !== "image" || facts.problem || !facts.width || !facts.height) throw new Error("not a picture");
      url = URL.createObjectURL(file.slice(0, file.size, facts.mimeType));
      setPicture({ url, width: facts.width, height: facts.height });
    }).catch((error: unknown) => {
      if (!isHere) return;
      showProblem(error);
      close.current();
    });
    return () => {
      isHere = false;
      if (url) URL.revokeObjectURL(url);
    };
  }, [media, file, showProblem]);

  const side = (): number => box.current?.clientWidth ?? 1;
  const aspect = picture ? picture.width / picture.height : 1;
  const move = (x: number, y: number): void => setZoom((old) => keepInside({ ...old, x: old.x + x, y: old.y + y }, aspect, side()));
  const setScale = (scale: number): void => setZoom((old) => zoomAt(old, scale, aspect, side()));
  const onKeyDown = (event: KeyboardEvent): void => {
    const by = { ArrowLeft: [STEP, 0], ArrowRight: [-STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP] }[event.key];
    if (event.key === "+" || event.key === "=") setScale(zoom.scale * 1.1);
    else if (event.key === "-") setScale(zoom.scale / 1.1);
    else if (by) move(by[0] ?? 0, by[1] ?? 0);
    else return;
    event.preventDefault();
  };
  const onPointerMove = (event: PointerEvent): void => {
    if (!last.current) return;
    move(event.clientX - last.current.x, event.clientY - last.current.y);
    last.current = { x: event.clientX, y: event.clientY };
  };
  const save = (): void => {
    if (!picture) return;
    const short = Math.min(picture.width, picture.height);
    const size = short / zoom.scale;
    const perPixel = size / side();
    const area = { x: picture.width / 2 - size / 2 - zoom.x * perPixel, y: picture.height / 2 - size / 2 - zoom.y * perPixel, size };
    setBusy(true);
    media.crop(file, area, AVATAR_SIDE).then((cropped) => {
      onCropped(cropped);
      onClose();
    }, showProblem).finally(() => setBusy(false));
  };
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title={t("media.crop_title")} description={t("media.crop_hint")} size="s" footer={<>
      <Button variant="quiet" onClick={onClose}>{t("ui.cancel")}</Button>
      <Button variant="primary" onClick={save} disabled={!picture} busy={isBusy && t("media.preparing")}>{t("ui.save")}</Button>
    </>}>
      <div
        ref={box}
        className={css.box}
        role="group"
        tabIndex={0}
        aria-label={t("media.crop_area")}
        onKeyDown={onKeyDown}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          last.current = { x: event.clientX, y: event.clientY };
        }}
        onPointerMove={onPointerMove}
        onPointerUp={() => { last.current = undefined; }}
        onPointerCancel={() => { last.current = undefined; }}
        onWheel={(event) => setScale(zoom.scale * Math.exp(-event.deltaY / 400))}
      >
        {picture && <img src={picture.url} alt="" draggable={false} className={aspect > 1 ? css.wide : css.tall} style={{ transform: `translate(-50%, -50%) translate(${zoom.x}px, ${zoom.y}px) scale(${zoom.scale})` }} />}
        <span className={css.mask} aria-hidden="true" />
      </div>
      <input type="range" className={css.slider} min={1} max={SCALE_MAX} step={0.05} value={zoom.scale} onChange={(event) => setScale(Number(event.target.value))} aria-label={t("media.zoom")} />
    </Dialog>
  );
}
