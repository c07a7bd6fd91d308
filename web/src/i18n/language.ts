import i18next from "i18next";
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

function showDirection(language: Language): void {
  document.documentElement.lang = language;
  document.documentElement.dir = language === "ar" ? "rtl" : "ltr";
}

async function loadTexts(language: Language): Promise<void> {
  if (i18next.hasResourceBundle(language, "translation")) return;
  i18next.addResourceBundle(language, "translation", (await FILES[language]()).default);
}

/** Loads the language's texts and makes `t` work everywhere. Call once, before anything is drawn. */
export async function startLanguage(language: Language): Promise<void> {
  const texts = (await FILES[language]()).default;
  await i18next.use(initReactI18next).init({
    lng: language,
    fallbackLng: false,
    resources: { [language]: { translation: texts } },
    // React escapes; names are isolated where they are shown.
    interpolation: { escapeValue: false },
    react: { useSuspense: false },
  });
  showDirection(language);
}

export async function switchLanguage(language: Language): Promise<void> {
  await loadTexts(language);
  await i18next.changeLanguage(language);
  showDirection(language);
}

export function currentLanguage(): Language {
  return chooseLanguage([i18next.language]);
}
