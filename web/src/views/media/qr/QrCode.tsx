import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import css from "./Qr.module.css";

export interface QrCodeProps {
  /** Text, or bytes as Matrix' verification codes are. */
  readonly value: string | Uint8Array;
  /** What it is for, read aloud in place of the picture. */
  readonly label: string;
}

/** A QR code as one SVG path, black on white in both themes: many cameras do not read inverted codes. */
export function QrCode({ value, label }: QrCodeProps) {
  const { t } = useTranslation();
  const [code, setCode] = useState<{ readonly path: string; readonly size: number } | "failed">();
  useEffect(() => {
    let isHere = true;
    void import("qrcode").then(({ default: QR }) => {
      const made = QR.create(typeof value === "string" ? value : [{ data: value, mode: "byte" as const }], { errorCorrectionLevel: "M" });
      if (isHere) setCode({ path: buildPath(made.modules.data, made.modules.size), size: made.modules.size });
    }).catch(() => isHere && setCode("failed"));
    return () => { isHere = false; };
  }, [value]);
  if (code === "failed") return <p role="alert">{t("media.qr_too_long")}</p>;
  return (
    <div className={css.code}>
      {code && (
        <svg viewBox={`-4 -4 ${code.size + 8} ${code.size + 8}`} role="img" aria-label={label} shapeRendering="crispEdges">
          <path d={code.path} fill="#000" />
        </svg>
      )}
    </div>
  );
}

/** Runs of dark modules in a row as one rectangle each. */
function buildPath(modules: ArrayLike<number | boolean>, size: number): string {
  let path = "";
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      if (!modules[y * size + x]) continue;
      const start = x;
      while (x < size && modules[y * size + x]) x++;
      path += `M${start} ${y}h${x - start}v1h${start - x}z`;
    }
  }
  return path;
}
