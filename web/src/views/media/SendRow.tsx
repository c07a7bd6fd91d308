import { useEffect, useState } from "react";
import { ArrowDown, ArrowUp, FileText, Film, Music, Trash2, TriangleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import { IconButton } from "@/views/common/IconButton";
import { useFormats } from "@/views/common/locale";
import { kindOf, maySend, type SendItem } from "./send_items";
import css from "./SendDialog.module.css";

export interface SendRowProps {
  readonly item: SendItem;
  readonly asFiles: boolean;
  readonly isLarge: boolean;
  readonly onRemove: (() => void) | undefined;
  readonly onEarlier: (() => void) | undefined;
  readonly onLater: (() => void) | undefined;
}

/** One file of the send dialog, with its picture, what is wrong with it, and its place in the order. */
export function SendRow({ item, asFiles, isLarge, onRemove, onEarlier, onLater }: SendRowProps) {
  const { t } = useTranslation();
  const formats = useFormats();
  const { facts } = item;
  const notes = [facts?.problem, facts?.warning].filter((key) => key !== undefined);
  return (
    <li className={isLarge ? css.large : css.item}>
      <Preview item={item} asFiles={asFiles} />
      <div className={css.text}>
        <span className={css.name}><bdi>{item.name}</bdi></span>
        <span className={css.size}>{formats.bytes(item.file.size)}</span>
        {notes.map((key) => (
          <span key={key} className={maySend(item) ? css.warning : css.problem} role="status"><TriangleAlert size={14} aria-hidden="true" /> {t(key)}</span>
        ))}
      </div>
      <div className={css.actions}>
        {onEarlier && <IconButton label={t("media.move_up", { name: item.name })} icon={ArrowUp} iconSize={18} onClick={onEarlier} />}
        {onLater && <IconButton label={t("media.move_down", { name: item.name })} icon={ArrowDown} iconSize={18} onClick={onLater} />}
        {onRemove && <IconButton label={t("media.remove", { name: item.name })} icon={Trash2} iconSize={18} onClick={onRemove} />}
      </div>
    </li>
  );
}

function Preview({ item, asFiles }: { readonly item: SendItem; readonly asFiles: boolean }) {
  const kind = kindOf(item, asFiles);
  const mimeType = item.facts?.mimeType ?? "";
  const isShown = (kind === "image" || kind === "video") && !item.facts?.problem;
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    if (!isShown) return;
    // Under the type found in its bytes, not the one it is given for.
    const made = URL.createObjectURL(item.file.slice(0, item.file.size, mimeType));
    setUrl(made);
    return () => {
      URL.revokeObjectURL(made);
      setUrl(undefined);
    };
  }, [item.file, isShown, mimeType]);
  if (isShown && url && kind === "image") return <img src={url} alt="" className={css.preview} decoding="async" />;
  if (isShown && url && kind === "video") return <video src={url} className={css.preview} muted playsInline preload="metadata" tabIndex={-1} aria-hidden="true" />;
  const Icon = kind === "audio" ? Music : kind === "video" ? Film : FileText;
  return <span className={css.icon}><Icon size={24} aria-hidden="true" /></span>;
}
