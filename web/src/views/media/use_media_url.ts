import { useCallback, useEffect, useState } from "react";
import type { MediaSource } from "@/domain/message";
import type { OpenMedia } from "@/domain/media/ports";
import { Problem } from "@/domain/problem";
import { useMedia } from "./media_context";

export interface MediaUrl {
  readonly open: OpenMedia | undefined;
  /** 0..1; undefined while the size is not known. */
  readonly progress: number | undefined;
  /** The code of a Problem. */
  readonly problem: string | undefined;
  readonly retry: () => void;
}

export interface MediaUrlOptions {
  /** Nothing is fetched while this is false. */
  readonly wanted: boolean;
  /** CSS pixels of a picture that may be small. */
  readonly side?: number;
  readonly once?: boolean;
}

/** Fetches a file while the component is there, and gives it back after. */
export function useMediaUrl(source: MediaSource | undefined, { wanted, side, once = false }: MediaUrlOptions): MediaUrl {
  const media = useMedia();
  const [open, setOpen] = useState<OpenMedia>();
  const [progress, setProgress] = useState<number>();
  const [problem, setProblem] = useState<string>();
  const [tries, setTries] = useState(0);
  const mxc = source?.mxc;
  useEffect(() => {
    if (!wanted || !source) return;
    const abort = new AbortController();
    let held: OpenMedia | undefined;
    setProblem(undefined);
    const onProgress = (done: number, total: number) => setProgress(total > 0 ? done / total : undefined);
    const opening = side === undefined ? media.open(source, { signal: abort.signal, onProgress, once }) : media.openThumbnail(source, side, abort.signal);
    opening.then(
      (opened) => {
        if (abort.signal.aborted) return opened.release();
        held = opened;
        setOpen(opened);
        return undefined;
      },
      (error: unknown) => {
        if (!abort.signal.aborted) setProblem(error instanceof Problem ? error.code : "media_broken");
      },
    );
    return () => {
      abort.abort();
      held?.release();
      setOpen(undefined);
      setProgress(undefined);
    };
  }, [media, mxc, wanted, side, once, tries]); // oxlint-disable-line react/exhaustive-deps -- a source is named by its URI; the object is made anew with each message
  const retry = useCallback(() => setTries((count) => count + 1), []);
  return { open, progress, problem, retry };
}
