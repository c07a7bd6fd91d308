import { useId, useMemo, useState } from "react";
import { Pencil, Trash2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import { STICKER_NAME_LENGTH_MAX, type StickerImage, type StickerPack } from "@/domain/stickers";
import { Button } from "../common/Button";
import { Dialog } from "../common/Dialog";
import { IconButton } from "../common/IconButton";
import { Switch } from "../common/Switch";
import { TextField } from "../common/TextField";
import { useShowProblem } from "../common/Toasts";
import { useReadable } from "../use_readable";
import { StickerForm } from "./StickerForm";
import { StickerThumb } from "./StickerThumb";
import css from "./stickers.module.css";

const SIDE = 56;

/** Makes, names and removes stickers: one's own, and those of the room where one may. */
export default function StickerManager({ roomId, onClose }: { readonly roomId: string; readonly onClose: () => void }) {
  const { t } = useTranslation();
  const { stickers } = useEngine();
  const packs = useReadable(useMemo(() => stickers.packsOf(roomId), [stickers, roomId]));
  const [chosen, setChosen] = useState("own");
  const select = useId();
  const pack = packs.find(({ id }) => id === chosen) ?? packs[0];
  const titleOf = (each: StickerPack): string => (each.place === "own" ? t("stickers.own") : t("stickers.of_room", { name: each.name }));
  return (
    <Dialog open onOpenChange={onClose} title={t("stickers.title")} description={t("stickers.unencrypted")} footer={<Button variant="primary" onClick={onClose}>{t("stickers.done")}</Button>}>
      {packs.length > 1 && (
        <div className={css.choose}>
          <label htmlFor={select}>{t("stickers.pack")}</label>
          <select id={select} className={css.select} value={pack?.id} onChange={(event) => setChosen(event.target.value)}>
            {packs.map((each) => <option key={each.id} value={each.id}>{titleOf(each)}</option>)}
          </select>
        </div>
      )}
      {pack && <PackEditor key={pack.id} pack={pack} />}
    </Dialog>
  );
}

function PackEditor({ pack }: { readonly pack: StickerPack }) {
  const { t } = useTranslation();
  const { stickers } = useEngine();
  const showProblem = useShowProblem();
  const { place } = pack;
  return <>
    {place !== "own" && pack.stickers.length > 0 && (
      <Switch label={t("stickers.everywhere")} hint={t("stickers.everywhere_hint")} checked={pack.isEverywhere} onCheckedChange={(isEverywhere) => void stickers.setEverywhere(place, isEverywhere).catch(showProblem)} />
    )}
    {pack.mayChange && <StickerForm place={place} />}
    {pack.stickers.length > 0
      ? <ul className={css.list} aria-label={t("stickers.in_pack")}>{pack.stickers.map((sticker) => <StickerRow key={sticker.code} pack={pack} sticker={sticker} />)}</ul>
      : <p className={css.nothing}>{t("stickers.empty")}</p>}
  </>;
}

function StickerRow({ pack, sticker }: { readonly pack: StickerPack; readonly sticker: StickerImage }) {
  const { t } = useTranslation();
  const { stickers } = useEngine();
  const showProblem = useShowProblem();
  const [name, setName] = useState<string>();
  const { code } = sticker;
  const rename = (event: React.FormEvent) => {
    event.preventDefault();
    if (name?.trim()) void stickers.rename(pack.place, code, name).catch(showProblem);
    setName(undefined);
  };
  return (
    <li className={css.row}>
      <StickerThumb sticker={sticker} side={SIDE} className={css.rowPicture} />
      {name === undefined ? <bdi className={css.rowName}>{sticker.name}</bdi> : (
        <form className={css.rowForm} onSubmit={rename}>
          <TextField label={t("stickers.name")} hideLabel value={name} maxLength={STICKER_NAME_LENGTH_MAX} onChange={(event) => setName(event.target.value)} autoFocus />
          <Button type="submit" disabled={name.trim() === ""}>{t("stickers.save")}</Button>
        </form>
      )}
      {pack.mayChange && name === undefined && <>
        <IconButton label={t("stickers.rename", { name: sticker.name })} icon={Pencil} iconSize={18} onClick={() => setName(sticker.name)} />
        <IconButton label={t("stickers.remove", { name: sticker.name })} icon={Trash2} iconSize={18} tone="danger" onClick={() => void stickers.remove(pack.place, code).catch(showProblem)} />
      </>}
    </li>
  );
}
