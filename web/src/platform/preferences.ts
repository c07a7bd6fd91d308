/** Small choices that count before anything is drawn, the same for all accounts of this browser. Without storage they last as long as the page. */
export type PreferenceName = "theme" | "language" | "digits" | "text-scale" | "motion" | "background" | "enter" | "link-previews" | "notify" | "notify-preview" | "notify-sound";

const PREFIX = "zajil.";
const kept = new Map<PreferenceName, string>();

export function readPreference(name: PreferenceName): string | undefined {
  try {
    return localStorage.getItem(PREFIX + name) ?? kept.get(name);
  } catch {
    return kept.get(name);
  }
}

export function writePreference(name: PreferenceName, value: string): void {
  kept.set(name, value);
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // Storage is full or forbidden: the choice lasts as long as the page.
  }
}

/** Calls back when another tab of this browser has written a choice. */
export function watchPreferences(onChange: (name: string) => void): void {
  window.addEventListener("storage", ({ key }) => { if (key?.startsWith(PREFIX)) onChange(key.slice(PREFIX.length)); });
}
