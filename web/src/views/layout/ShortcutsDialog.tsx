import { useTranslation } from "react-i18next";
import { Dialog } from "../common/Dialog";
import css from "./ShortcutsDialog.module.css";

/** Each shortcut: its keys, and the text that says what it does. */
const GROUPS: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
  ["keys.anywhere", [["Ctrl+K", "keys.switcher"], ["?", "keys.help"], ["Esc", "keys.escape"]]],
  ["keys.list", [["↑ ↓", "keys.move"], ["Home End", "keys.ends"], ["Enter", "keys.open"], ["Shift+F10", "keys.menu"]]],
  ["keys.messages", [["↑ ↓", "keys.move"], ["Enter", "keys.menu"], ["R", "keys.reply"], ["E", "keys.edit"], ["Delete", "keys.delete"]]],
  ["keys.writing", [["Enter", "keys.send"], ["Shift+Enter", "keys.line"], ["↑", "keys.edit_last"], ["@", "keys.mention"], ["Ctrl+B", "format_key.bold"], ["Ctrl+I", "format_key.italic"], ["Ctrl+E", "format_key.code"], ["Ctrl+Shift+X", "format_key.strike"], ["Ctrl+Shift+P", "format_key.spoiler"], ["Ctrl+Shift+7", "format_key.numbers"], ["Ctrl+Shift+8", "format_key.list"], ["Ctrl+Shift+9", "format_key.quote"]]],
];

/** All keys in one list. On a Mac, Cmd stands for Ctrl. */
export function ShortcutsDialog({ onClose }: { readonly onClose: () => void }) {
  const { t } = useTranslation();
  const isMac = /Mac|iPhone|iPad/u.test(navigator.userAgent);
  return (
    <Dialog open onOpenChange={onClose} title={t("keys.title")} size="l">
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reached by keys */}
      <div className={css.groups} role="group" aria-label={t("keys.title")} tabIndex={0}>
        {GROUPS.map(([title, keys]) => (
          <section key={title}>
            <h3 className={css.heading}>{t(title)}</h3>
            <dl className={css.keys}>
              {keys.map(([combination, text]) => <div key={combination + text}><dt><kbd dir="ltr">{isMac ? combination.replace("Ctrl", "⌘") : combination}</kbd></dt><dd>{t(text)}</dd></div>)}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
