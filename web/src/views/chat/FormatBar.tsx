import { Bold, Code, EyeOff, Italic, Link, List, Quote, Strikethrough, type LucideIcon } from "lucide-react";
import { useTranslation } from "react-i18next";
import { IconButton } from "../common/IconButton";
import { makeLink, prefixLines, wrapSelection, type Edited } from "./composer_text";
import css from "./FormatBar.module.css";

const FORMATS: readonly (readonly [string, LucideIcon, (now: Edited) => Edited])[] = [
  ["format.bold", Bold, (now) => wrapSelection(now, "**")],
  ["format.italic", Italic, (now) => wrapSelection(now, "_")],
  ["format.strike", Strikethrough, (now) => wrapSelection(now, "~~")],
  ["format.code", Code, (now) => wrapSelection(now, now.text.slice(now.start, now.end).includes("\n") ? "\n```\n" : "`")],
  ["format.spoiler", EyeOff, (now) => wrapSelection(now, "||")],
  ["format.link", Link, makeLink],
  ["format.quote", Quote, (now) => prefixLines(now, "> ")],
  ["format.list", List, (now) => prefixLines(now, "- ")],
];

/** What can be done to the words that are marked. It takes no focus, so that they stay marked. */
export function FormatBar({ read, put }: { readonly read: () => Edited; readonly put: (edited: Edited) => void }) {
  const { t } = useTranslation();
  return (
    <div role="toolbar" aria-label={t("format.title")} className={css.bar} data-pushed>
      {FORMATS.map(([key, icon, change]) => <IconButton key={key} tabIndex={-1} label={t(key)} icon={icon} iconSize={18} onPointerDown={(event) => event.preventDefault()} onClick={() => put(change(read()))} />)}
    </div>
  );
}
