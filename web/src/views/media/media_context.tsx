import { createContext, useContext } from "react";
import type { MediaAccess } from "@/domain/media/ports";

const MediaContext = createContext<MediaAccess | null>(null);

/** Gives the media of the account at work to everything in it. */
export const MediaProvider = MediaContext.Provider;

export function useMedia(): MediaAccess {
  const media = useContext(MediaContext);
  if (!media) throw new Error("MediaProvider is missing");
  return media;
}
