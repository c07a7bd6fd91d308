import { useTranslation } from "react-i18next";
import css from "./trust.module.css";

/** Seven emoji in the order that counts, with names to read aloud in the reader's language. */
export function EmojiGrid({ emoji }: { readonly emoji: readonly (readonly [symbol: string, name: string])[] }) {
  const { t } = useTranslation();
  return (
    <ol className={css.emoji}>
      {emoji.map(([symbol, name], at) => (
        // oxlint-disable-next-line react/no-array-index-key -- the same emoji may come twice, and the order never changes
        <li key={at} className={css.oneEmoji}>
          <span className={css.symbol} aria-hidden="true">{symbol}</span>
          <span>{t(`sas.${name.toLowerCase().replace(/[^a-z]+/gu, "_")}`, { defaultValue: name })}</span>
        </li>
      ))}
    </ol>
  );
}
