import { useEffect, useState, useSyncExternalStore } from "react";
import type { OpenMedia } from "@/domain/media/ports";

const ANIMATED = new Set(["image/gif", "image/apng", "image/webp"]);
const QUERY = "(prefers-reduced-motion: reduce)";

/** Whether things should keep still: the system says so, or the person did in the settings. */
function isReduced(): boolean {
  return document.documentElement.dataset["motion"] === "less" || matchMedia(QUERY).matches;
}

function subscribe(listener: () => void): () => void {
  const query = matchMedia(QUERY);
  query.addEventListener("change", listener);
  return () => query.removeEventListener("change", listener);
}

export interface Still {
  /** What is to be shown; undefined while the first frame is being drawn. */
  readonly url: string | undefined;
  /** It would move if one asked for it. */
  readonly isHeld: boolean;
}

/** The picture as it is, or its first frame where motion is unwanted; opening it in the viewer lets it move. */
export function useStill(open: OpenMedia | undefined): Still {
  const reduced = useSyncExternalStore(subscribe, isReduced, () => false);
  const mustHold = reduced && open !== undefined && ANIMATED.has(open.mimeType);
  const [still, setStill] = useState<string>();
  useEffect(() => {
    if (!mustHold || !open) return;
    let isHere = true;
    let url: string | undefined;
    drawFirstFrame(open.blob).then((blob) => {
      if (!isHere) return;
      url = URL.createObjectURL(blob);
      setStill(url);
    }, () => undefined);
    return () => {
      isHere = false;
      setStill(undefined);
      if (url) URL.revokeObjectURL(url);
    };
  }, [mustHold, open]);
  return mustHold ? { url: still, isHeld: true } : { url: open?.url, isHeld: false };
}

async function drawFirstFrame(file: Blob): Promise<Blob> {
  const frame = await createImageBitmap(file);
  const canvas = new OffscreenCanvas(frame.width, frame.height);
  canvas.getContext("2d")?.drawImage(frame, 0, 0);
  frame.close();
  return canvas.convertToBlob({ type: "image/png" });
}
