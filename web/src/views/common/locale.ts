import { useTranslation } from "react-i18next";
import { useMemo } from "react";
import { buildFormats, type Formats } from "./formats";

const WORDS_BYTES_MAX = 999.5;

/** Formats in the language and digits of the page: the root's `lang` may carry a numbering system ("ar-u-nu-latn"). */
export function useFormats(): Formats {
  const { t, i18n } = useTranslation();
  const lang = typeof document === "undefined" ? i18n.language : document.documentElement.lang || i18n.language;
  return useMemo(() => {
    const formats = buildFormats(lang);
    // Intl has one form of "byte" for all numbers in Arabic, and "12 byte" in English.
    return { ...formats, bytes: (size) => (size < WORDS_BYTES_MAX ? t("ui.bytes", { count: Math.round(size) }) : formats.bytes(size)) };
  }, [lang, t]);
}
