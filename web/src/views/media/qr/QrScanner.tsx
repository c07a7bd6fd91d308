import { useEffect, useEffectEvent, useRef, useState } from "react";
import { ImageUp } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Problem } from "@/domain/problem";
import { Button } from "@/views/common/Button";
import { useMedia } from "../media_context";
import css from "./Qr.module.css";

export interface QrScannerProps {
  /** Called for each code that is seen; the owner closes the scanner when it is the right one. */
  readonly onFound: (text: string, bytes?: Uint8Array) => void;
}

/** Looks for a QR code with the camera, or in a picture if there is none or it is not allowed. */
export function QrScanner({ onFound }: QrScannerProps) {
  const { t } = useTranslation();
  const media = useMedia();
  const video = useRef<HTMLVideoElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const found = useEffectEvent(onFound);
  const [problem, setProblem] = useState<string>();
  useEffect(() => {
    let isHere = true;
    let stop: (() => void) | undefined;
    if (!video.current) return;
    media.scanCamera(video.current, (text, bytes) => isHere && found(text, bytes)).then(
      (end) => {
        if (isHere) stop = end;
        else end();
      },
      (error: unknown) => isHere && setProblem(error instanceof Problem ? error.code : "media_no_camera"),
    );
    return () => {
      isHere = false;
      stop?.();
    };
  }, [media]);
  const readPicture = (file: File | undefined): void => {
    if (!file) return;
    media.scanPicture(file).then(
      (code) => (code ? onFound(code.text, code.bytes) : setProblem("media_no_code")),
      (error: unknown) => setProblem(error instanceof Problem ? error.code : "media_broken"),
    );
  };
  return (
    <div className={css.scanner}>
      <div className={css.finder}>
        <video ref={video} className={css.camera} muted playsInline aria-label={t("media.camera")} />
        <span className={css.target} aria-hidden="true" />
      </div>
      <p className={css.hint} role={problem ? "alert" : "status"}>{problem ? `${t(`problem.${problem}`)} ${t(`problem.${problem}_next`)}` : t("media.scan_hint")}</p>
      <Button icon={ImageUp} onClick={() => picker.current?.click()}>{t("media.scan_picture")}</Button>
      <input ref={picker} type="file" accept="image/*" hidden onChange={(event) => { readPicture(event.target.files?.[0]); event.target.value = ""; }} />
    </div>
  );
}
