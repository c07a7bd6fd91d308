import { useRef } from "react";
import { useTranslation } from "react-i18next";
import type { Picture } from "@/domain/message";
import { Blurhash } from "./Blurhash";
import { useInView } from "./use_in_view";
import { useMediaUrl } from "./use_media_url";
import css from "./Sticker.module.css";

/** A sticker stands without a bubble; what it shows is its name. */
export function Sticker({ picture, name }: { readonly picture: Picture; readonly name: string }) {
  const { t } = useTranslation();
  const ref = useRef<HTMLDivElement>(null);
  const isSeen = useInView(ref);
  const { open, problem, retry } = useMediaUrl(picture.source, { wanted: isSeen });
  return (
    <div ref={ref} className={css.sticker}>
      {open && <img src={open.url} alt={t("media.sticker", { name })} className={css.picture} draggable={false} />}
      {!open && !problem && picture.blurhash && <Blurhash hash={picture.blurhash} className={css.blur} />}
      {problem && <button type="button" className={css.failed} onClick={retry} title={t("ui.retry")}>{name || t(`problem.${problem}`)}</button>}
    </div>
  );
}
