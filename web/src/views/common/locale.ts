import { useTranslation } from "react-i18next";
import { useMemo } from "react";
import { buildFormats, type Formats } from "./formats";

/** Formats in the language and digits of the page: the root's `lang` may carry a numbering system ("ar-u-nu-latn"). */
export function useFormats(): Formats {
  const { i18n } = useTranslation();
  const lang = typeof document === "undefined" ? i18n.language : document.documentElement.lang || i18n.language;
  return useMemo(() => buildFormats(lang), [lang]);
}
