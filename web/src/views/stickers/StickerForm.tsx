import { useEffect, useRef, useState, type ChangeEvent, type FormEvent } from "react";
import { ImagePlus, Plus } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import { STICKER_NAME_LENGTH_MAX, type PackPlace, type StickerPicture } from "@/domain/stickers";
import { announce } from "../common/LiveRegion";
import { Button } from "../common/Button";
import { TextField } from "../common/TextField";
import { useShowProblem } from "../common/Toasts";
import { useMedia } from "../media/media_context";
import css from "./stickers.module.css";

/** A new sticker: a picture, then its name. */
export function StickerForm({ place }: { readonly place: PackPlace }) {
  const { t } = useTranslation();
  const { stickers } = useEngine();
  const media = useMedia();
  const showProblem = useShowProblem();
  const [picture, setPicture] = useState<StickerPicture>();
  const [name, setName] = useState("");
  const [isBusy, setBusy] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const url = useObjectUrl(picture?.file);
  const run = (work: () => Promise<void>): void => {
    setBusy(true);
    void work().catch(showProblem).finally(() => setBusy(false));
  };
  const take = (event: ChangeEvent<HTMLInputElement>): void => {
    const file = event.currentTarget.files?.[0];
    event.currentTarget.value = "";
    if (file) run(async () => setPicture(await media.shapeSticker(file)));
  };
  const add = (event: FormEvent): void => {
    event.preventDefault();
    if (!picture || name.trim() === "" || isBusy) return;
    run(async () => {
      await stickers.add(place, picture, name.trim());
      announce(t("stickers.added"));
      setPicture(undefined);
      setName("");
    });
  };
  return (
    <form className={css.form} onSubmit={add}>
      <input ref={input} type="file" accept="image/*" hidden onChange={take} aria-label={t("stickers.choose")} />
      <button type="button" className={css.drop} onClick={() => input.current?.click()} aria-label={t("stickers.choose")} title={t("stickers.choose")}>
        {url ? <img src={url} alt="" /> : <ImagePlus size={28} aria-hidden="true" />}
      </button>
      <div className={css.fields}>
        <TextField label={t("stickers.name")} value={name} maxLength={STICKER_NAME_LENGTH_MAX} placeholder={t("stickers.name_example")} onChange={(event) => setName(event.target.value)} />
        <Button type="submit" icon={Plus} disabled={!picture || name.trim() === ""} busy={isBusy && t("stickers.adding")}>{t("stickers.add")}</Button>
      </div>
    </form>
  );
}

function useObjectUrl(file: Blob | undefined): string | undefined {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    if (!file) return setUrl(undefined);
    const made = URL.createObjectURL(file);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [file]);
  return url;
}
