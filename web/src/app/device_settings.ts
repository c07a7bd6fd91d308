import "@/views/settings/motion.css";
import { readSounds, type Sounds, writeSounds } from "@/domain/sounds";
import { Store } from "@/domain/store";
import { readPreference, writePreference, type PreferenceName } from "@/platform/preferences";
import { chatPreferences, type ChatPreferences } from "@/views/chat/chat_preferences";

/** Choices kept on this device for all accounts, beside theme, language and text size (`appearance.ts`). */

export const BACKGROUNDS: readonly ChatPreferences["background"][] = ["feathers", "plain", "dusk"];
/** What a notification tells: sender and words, the sender only, or that something came. */
export const PREVIEWS = ["all", "name", "nothing"] as const;
export type Preview = (typeof PREVIEWS)[number];

export interface NotifyHere {
  readonly isOn: boolean;
  readonly preview: Preview;
  readonly sounds: Sounds;
}

export const lessMotion = new Store(readPreference("motion") === "less");
export const notifyHere = new Store<NotifyHere>({
  isOn: readPreference("notify") === "on",
  preview: PREVIEWS.find((each) => each === readPreference("notify-preview")) ?? "all",
  sounds: readSounds(readPreference("notify-sound")),
});

export function showDeviceSettings(): void {
  chatPreferences.set({
    enterSends: readPreference("enter") !== "line",
    background: BACKGROUNDS.find((each) => each === readPreference("background")) ?? "feathers",
    linkPreviews: readPreference("link-previews") === "on",
  });
  showMotion(lessMotion.get());
}

export function setLessMotion(isLess: boolean): void {
  writePreference("motion", isLess ? "less" : "system");
  lessMotion.set(isLess);
  showMotion(isLess);
}

export function setEnterSends(enterSends: boolean): void {
  writePreference("enter", enterSends ? "send" : "line");
  chatPreferences.update((before) => ({ ...before, enterSends }));
}

export function setLinkPreviews(linkPreviews: boolean): void {
  writePreference("link-previews", linkPreviews ? "on" : "off");
  chatPreferences.update((before) => ({ ...before, linkPreviews }));
}

export function setBackground(background: ChatPreferences["background"]): void {
  writePreference("background", background);
  chatPreferences.update((before) => ({ ...before, background }));
}

export function setNotifyHere(change: Partial<NotifyHere>): void {
  const next = { ...notifyHere.get(), ...change };
  const values: readonly (readonly [PreferenceName, string])[] = [["notify", next.isOn ? "on" : "off"], ["notify-preview", next.preview], ["notify-sound", writeSounds(next.sounds)]];
  for (const [name, value] of values) writePreference(name, value);
  notifyHere.set(next);
}

function showMotion(isLess: boolean): void {
  if (isLess) document.documentElement.dataset["motion"] = "less";
  else delete document.documentElement.dataset["motion"];
}
