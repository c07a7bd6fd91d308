import type { MediaAccess, OpenMedia } from "@/domain/media/ports";
import type { PictureLoader } from "@/views/common/picture_context";

/** Small pictures (avatars) for the pieces in views/common. */
export function buildPictureLoader(media: MediaAccess): PictureLoader {
  return {
    load(source, edgePx) {
      const abort = new AbortController();
      let held: OpenMedia | undefined;
      const url = media.openThumbnail(source, edgePx, abort.signal).then((opened) => {
        if (abort.signal.aborted) opened.release();
        else held = opened;
        return opened.url;
      });
      url.catch(() => undefined);
      return {
        url,
        release: () => {
          abort.abort();
          held?.release();
        },
      };
    },
  };
}
