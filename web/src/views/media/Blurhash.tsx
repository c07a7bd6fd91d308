import { useEffect, useRef } from "react";
import { decodeBlurhash } from "@/domain/media/blurhash";

const SIDE = 32;

/** What a picture will roughly look like; the browser scales the few pixels up. */
export function Blurhash({ hash, className }: { readonly hash: string; readonly className?: string }) {
  const ref = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const pixels = decodeBlurhash(hash, SIDE, SIDE);
    const context = ref.current?.getContext("2d");
    if (pixels && context) context.putImageData(new ImageData(pixels, SIDE, SIDE), 0, 0);
  }, [hash]);
  return <canvas ref={ref} width={SIDE} height={SIDE} className={className} aria-hidden="true" />;
}
