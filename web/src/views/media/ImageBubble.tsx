import { useTranslation } from "react-i18next";
import type { Picture } from "@/domain/message";
import { MediaFrame } from "./MediaFrame";

export interface ImageBubbleProps {
  readonly picture: Picture;
  readonly name: string;
  /** Opens the viewer. */
  readonly onOpen: () => void;
}

export function ImageBubble({ picture, name, onOpen }: ImageBubbleProps) {
  const { t } = useTranslation();
  return <MediaFrame picture={picture} label={t("media.photo", { name })} onOpen={onOpen} />;
}
