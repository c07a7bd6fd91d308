import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { layoutAlbum } from "@/domain/media/album";
import type { Message } from "@/domain/message";
import { frameAspect, MediaFrame } from "./MediaFrame";
import { useVideoLabel, VideoMark } from "./VideoBubble";
import css from "./AlbumGrid.module.css";

export interface AlbumGridProps {
  /** 2 to 10 messages with a picture or a film (domain/media/album.ts groups them), oldest first. */
  readonly messages: readonly Message[];
  readonly onOpen: (message: Message) => void;
  /** What is laid over a picture, for as long as it is on its way. */
  readonly cover?: (message: Message) => ReactNode;
}

export function AlbumGrid({ messages, onOpen, cover }: AlbumGridProps) {
  const { t } = useTranslation();
  const videoLabel = useVideoLabel();
  const shown = messages.flatMap((message) => (message.body.kind === "image" || message.body.kind === "video" ? [{ message, body: message.body }] : []));
  const layout = layoutAlbum(shown.map(({ body }) => frameAspect(body.picture)));
  if (!layout) return null;
  return (
    <div className={css.album} style={{ aspectRatio: String(layout.aspect) }} role="group" aria-label={t("media.album", { count: shown.length })}>
      {shown.map(({ message, body }, index) => {
        const tile = layout.tiles[index];
        if (!tile) return null;
        const place = { insetInlineStart: percent(tile.x), insetBlockStart: percent(tile.y), inlineSize: percent(tile.width), blockSize: percent(tile.height) };
        const label = body.kind === "video" ? videoLabel(body.name, body.durationMs) : t("media.photo", { name: body.name });
        return (
          <div key={message.id} className={css.tile} style={place}>
            <MediaFrame picture={body.picture} label={label} onOpen={() => onOpen(message)} fills onlyThumbnail={body.kind === "video"}>
              {body.kind === "video" && <VideoMark durationMs={body.durationMs} />}
            </MediaFrame>
            {cover?.(message)}
          </div>
        );
      })}
    </div>
  );
}

function percent(share: number): string {
  return `${(share * 100).toFixed(3)}%`;
}
