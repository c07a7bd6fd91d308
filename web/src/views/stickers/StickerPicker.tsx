import { useMemo, useState } from "react";
import { ImagePlus, Settings2, Sticker as StickerIcon } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import { foldText } from "@/domain/arabic_text";
import { findRecent, type StickerImage } from "@/domain/stickers";
import { Button } from "../common/Button";
import { EmptyState } from "../common/EmptyState";
import { useReadable } from "../use_readable";
import { StickerThumb } from "./StickerThumb";
import css from "./stickers.module.css";

const SEARCH_FROM = 16;
const SIDE = 96;

interface Shelf {
  readonly id: string;
  readonly title: string;
  readonly stickers: readonly StickerImage[];
}

/** The stickers offered in a chat: those sent last, one's own, then the packs of rooms. */
export default function StickerPicker({ roomId, onPick, onManage }: { readonly roomId: string; readonly onPick: (sticker: StickerImage) => void; readonly onManage: () => void }) {
  const { t } = useTranslation();
  const { stickers } = useEngine();
  const packs = useReadable(useMemo(() => stickers.packsOf(roomId), [stickers, roomId]));
  const recent = useReadable(stickers.recent);
  // The order stays while one looks: what is sent now comes first the next time.
  const [sentBefore] = useState(recent);
  const [words, setWords] = useState("");
  const count = packs.reduce((sum, pack) => sum + pack.stickers.length, 0);
  const shelves = useMemo<readonly Shelf[]>(() => {
    const all = [
      { id: "recent", title: t("stickers.recent"), stickers: findRecent(packs, sentBefore) },
      ...packs.map((pack) => ({ id: pack.id, title: pack.place === "own" ? t("stickers.own") : pack.name, stickers: pack.stickers })),
    ];
    const wanted = foldText(words.trim());
    const matching = wanted === "" ? all : all.slice(1).map((shelf) => ({ ...shelf, stickers: shelf.stickers.filter(({ name }) => foldText(name).includes(wanted)) }));
    return matching.filter((shelf) => shelf.stickers.length > 0);
  }, [packs, sentBefore, words, t]);

  if (count === 0) {
    return <EmptyState icon={StickerIcon} title={t("stickers.none")} action={<Button variant="primary" icon={ImagePlus} onClick={onManage}>{t("stickers.make")}</Button>}>{t("stickers.none_text")}</EmptyState>;
  }
  return <>
    {count > SEARCH_FROM && <div className={css.top}><input type="search" dir="auto" className={css.search} aria-label={t("stickers.search")} placeholder={t("stickers.search")} value={words} onChange={(event) => setWords(event.target.value)} /></div>}
    {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a scroller must be reached by keyboard where a browser does not do so itself */}
    <div className={css.shelves} tabIndex={0} role="group" aria-label={t("stickers.title")}>
      {shelves.map(({ id, title, stickers: shelf }) => (
        <section key={id} aria-label={title}>
          <h2 className={css.shelfTitle}><bdi>{title}</bdi></h2>
          <div className={css.grid}>
            {shelf.map((sticker) => (
              <button key={sticker.code + sticker.source.mxc} type="button" className={css.sticker} aria-label={t("media.sticker", { name: sticker.name })} title={sticker.name} onClick={() => onPick(sticker)}>
                <StickerThumb sticker={sticker} side={SIDE} />
              </button>
            ))}
          </div>
        </section>
      ))}
      {shelves.length === 0 && <p className={css.nothing} role="status">{t("stickers.not_found")}</p>}
    </div>
    <div className={css.foot}><Button variant="quiet" icon={Settings2} wide onClick={onManage}>{t("stickers.manage")}</Button></div>
  </>;
}
