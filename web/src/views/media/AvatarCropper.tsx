import { useEffect, useEffectEvent, useRef, useState, type KeyboardEvent, type PointerEvent, type RefObject } from "react";
import { useTranslation } from "react-i18next";
import { Problem } from "@/domain/problem";
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

interface CropPicture {
  readonly url: string;
  readonly width: number;
  readonly height: number;
}

/** Chooses the square of a picture: dragged, zoomed by wheel or slider, moved by arrow keys. */
export function AvatarCropper({ file, onCropped, onClose }: AvatarCropperProps) {
  const { t } = useTranslation();
  const media = useMedia();
  const showProblem = useShowProblem();
  const picture = useCropPicture(file, onClose);
  const [zoom, setZoom] = useState<Zoom>(UNZOOMED);
  const [isBusy, setBusy] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const side = (): number => box.current?.clientWidth ?? 1;
  const aspect = picture ? picture.width / picture.height : 1;
  const move = (x: number, y: number): void => setZoom((old) => keepInside({ ...old, x: old.x + x, y: old.y + y }, aspect, side()));
  const setScale = (scale: number): void => setZoom((old) => zoomAt(old, scale, aspect, side()));
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
      <CropBox box={box} picture={picture} zoom={zoom} onMove={move} onScale={setScale} />
      <input type="range" className={css.slider} min={1} max={SCALE_MAX} step={0.05} value={zoom.scale} onChange={(event) => setScale(Number(event.target.value))} aria-label={t("media.zoom")} />
    </Dialog>
  );
}

/** The picture under its true type and with its size, both from its bytes; a problem is told and ends it. */
function useCropPicture(file: File, onClose: () => void): CropPicture | undefined {
  const media = useMedia();
  const showProblem = useShowProblem();
  const [picture, setPicture] = useState<CropPicture>();
  const fail = useEffectEvent((error: unknown) => {
    showProblem(error);
    onClose();
  });
  useEffect(() => {
    let url: string | undefined;
    let isHere = true;
    media.inspect(file).then((facts) => {
      if (!isHere) return;
      if (facts.problem === "media.too_many_pixels") throw new Problem("media_too_many_pixels");
      if (facts.kind !== "image" || facts.problem || !facts.width || !facts.height) throw new Problem("media_broken");
      url = URL.createObjectURL(file.slice(0, file.size, facts.mimeType));
      setPicture({ url, width: facts.width, height: facts.height });
    }).catch((error: unknown) => {
      if (isHere) fail(error);
    });
    return () => {
      isHere = false;
      if (url) URL.revokeObjectURL(url);
    };
  }, [media, file]);
  return picture;
}

interface CropBoxProps {
  readonly box: RefObject<HTMLDivElement | null>;
  readonly picture: CropPicture | undefined;
  readonly zoom: Zoom;
  readonly onMove: (x: number, y: number) => void;
  readonly onScale: (scale: number) => void;
}

function CropBox({ box, picture, zoom, onMove, onScale }: CropBoxProps) {
  const { t } = useTranslation();
  const last = useRef<{ readonly x: number; readonly y: number }>(undefined);
  const onKeyDown = (event: KeyboardEvent): void => {
    const by = { ArrowLeft: [STEP, 0], ArrowRight: [-STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP] }[event.key];
    if (event.key === "+" || event.key === "=") onScale(zoom.scale * 1.1);
    else if (event.key === "-") onScale(zoom.scale / 1.1);
    else if (by) onMove(by[0] ?? 0, by[1] ?? 0);
    else return;
    event.preventDefault();
  };
  const onPointerMove = (event: PointerEvent): void => {
    if (!last.current) return;
    onMove(event.clientX - last.current.x, event.clientY - last.current.y);
    last.current = { x: event.clientX, y: event.clientY };
  };
  const end = (): void => {
    last.current = undefined;
  };
  /* oxlint-disable jsx-a11y/no-noninteractive-element-interactions, jsx-a11y/no-noninteractive-tabindex -- no role says "a picture moved by arrow keys"; the name does */
  return (
    <div
      ref={box}
      className={css.box}
      data-pushed
      role="group"
      tabIndex={0}
      aria-label={t("media.crop_area")}
      onKeyDown={onKeyDown}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        last.current = { x: event.clientX, y: event.clientY };
      }}
      onPointerMove={onPointerMove}
      onPointerUp={end}
      onPointerCancel={end}
      onWheel={(event) => onScale(zoom.scale * Math.exp(-event.deltaY / 400))}
    >
      {picture && <img src={picture.url} alt="" draggable={false} className={picture.width > picture.height ? css.wide : css.tall} style={{ transform: `translate(-50%, -50%) translate(${zoom.x}px, ${zoom.y}px) scale(${zoom.scale})` }} />}
      <span className={css.mask} aria-hidden="true" />
    </div>
  );
  /* oxlint-enable jsx-a11y/no-noninteractive-element-interactions, jsx-a11y/no-noninteractive-tabindex */
}
