import { chooseLanguage, switchLanguage, type Language } from "@/i18n/language";
import { Store } from "@/domain/store";
import { readPreference, watchPreferences, writePreference } from "@/platform/preferences";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

function readTheme(): Theme {
  const kept = readPreference("theme");
  return THEMES.find((each) => each === kept) ?? "system";
}

function showTheme(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}

export const TEXT_SCALES = [0.875, 1, 1.125, 1.25, 1.5] as const;

function readTextScale(): number {
  return TEXT_SCALES.find((each) => String(each) === readPreference("text-scale")) ?? 1;
}

function showTextScale(scale: number): void {
  document.documentElement.style.setProperty("--text-scale", String(scale));
}

/** What the whole page looks like; kept on this device for all accounts. */
export const theme = new Store<Theme>(readTheme());
export const textScale = new Store<number>(readTextScale());

export function setTheme(chosen: Theme): void {
  writePreference("theme", chosen);
  theme.set(chosen);
  showTheme(chosen);
}

export function setTextScale(scale: number): void {
  writePreference("text-scale", String(scale));
  textScale.set(scale);
  showTextScale(scale);
}

export async function setLanguage(language: Language): Promise<void> {
  writePreference("language", language);
  await switchLanguage(language, readPreference("digits") === "latn");
}

/** Arabic with ٠١٢ or with 012. */
export async function setDigits(digits: "native" | "latn", language: Language): Promise<void> {
  writePreference("digits", digits);
  await switchLanguage(language, digits === "latn");
}

export function chosenLanguage(): Language {
  const kept = readPreference("language");
  return chooseLanguage(kept === undefined ? navigator.languages : [kept]);
}

export function usesLatinDigits(): boolean {
  return readPreference("digits") === "latn";
}

/** Before anything is drawn. */
export function showAppearance(): void {
  showTheme(theme.get());
  showTextScale(textScale.get());
}

/** All tabs of a browser look the same: what is chosen in one shows in the others at once. */
export function followOtherTabs(): void {
  watchPreferences((name) => {
    if (name === "language" || name === "digits") void switchLanguage(chosenLanguage(), usesLatinDigits());
    if (name === "theme") {
      theme.set(readTheme());
      showTheme(theme.get());
    }
    if (name === "text-scale") {
      textScale.set(readTextScale());
      showTextScale(textScale.get());
    }
  });
}
