import { createContext, useContext, useEffect, useState } from "react";
import type { MediaSource } from "@/domain/message";

/** Gives an address that an <img> can show for a source, made small on the server or decrypted here; `release` when it is out of sight. */
export interface PictureLoader {
  load(source: MediaSource, edgePx: number): { readonly url: Promise<string>; release(): void };
}

export const PictureContext = createContext<PictureLoader | null>(null);

/** The address of a small picture, or undefined until it is there (and for ever if it cannot be had). */
export function usePicture(source: MediaSource | undefined, edgePx: number): string | undefined {
  const loader = useContext(PictureContext);
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    setUrl(undefined);
    if (!loader || !source) return undefined;
    const loading = loader.load(source, edgePx);
    let wanted = true;
    loading.url.then((made) => { if (wanted) setUrl(made); }, () => undefined);
    return () => { wanted = false; loading.release(); };
  }, [loader, source?.mxc, edgePx]); // oxlint-disable-line react/exhaustive-deps -- the same address is the same picture
  return url;
}
