import i18next, { type FormatterModule } from "i18next";
import { initReactI18next } from "react-i18next";

export const LANGUAGES = ["en", "ar"] as const;
export type Language = (typeof LANGUAGES)[number];
/** Each in its own words, for the switch. */
export const LANGUAGE_NAMES: Readonly<Record<Language, string>> = { en: "English", ar: "العربية" };

const FILES: Readonly<Record<Language, () => Promise<{ default: object }>>> = {
  en: () => import("./en.json"),
  ar: () => import("./ar.json"),
};

/** The first of the browser's languages that we have. */
export function chooseLanguage(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const language = LANGUAGES.find((each) => tag.toLowerCase().split("-")[0] === each);
    if (language !== undefined) return language;
  }
  return "en";
}

/** `lang` carries the digits, so that everything formatted with it agrees. */
function showDirection(language: Language, latinDigits: boolean): void {
  document.documentElement.lang = language === "ar" && latinDigits ? "ar-u-nu-latn" : language;
  document.documentElement.dir = language === "ar" ? "rtl" : "ltr";
}

function formatNumber(value: number): string {
  const { lang } = document.documentElement;
  return new Intl.NumberFormat(lang === "ar" ? "ar-u-nu-arab" : lang || "en").format(value);
}

/** Numbers in sentences have the digits of everything else. */
const digits: FormatterModule = {
  type: "formatter",
  init: () => undefined,
  add: () => undefined,
  addCached: () => undefined,
  format: (value: unknown) => (typeof value === "number" ? formatNumber(value) : String(value)),
};

async function loadTexts(language: Language): Promise<void> {
  if (i18next.hasResourceBundle(language, "translation")) return;
  i18next.addResourceBundle(language, "translation", (await FILES[language]()).default);
}

/** Loads the language's texts and makes `t` work everywhere. Call once, before anything is drawn. */
export async function startLanguage(language: Language, latinDigits: boolean): Promise<void> {
  const texts = (await FILES[language]()).default;
  await i18next.use(initReactI18next).use(digits).init({
    lng: language,
    fallbackLng: false,
    resources: { [language]: { translation: texts } },
    // React escapes; names are isolated where they are shown.
    interpolation: { escapeValue: false, alwaysFormat: true },
    react: { useSuspense: false },
  });
  showDirection(language, latinDigits);
}

export async function switchLanguage(language: Language, latinDigits: boolean): Promise<void> {
  await loadTexts(language);
  // First the root, so that what is drawn again on the change reads it.
  showDirection(language, latinDigits);
  await i18next.changeLanguage(language);
}

export function currentLanguage(): Language {
  return chooseLanguage([i18next.language]);
}
