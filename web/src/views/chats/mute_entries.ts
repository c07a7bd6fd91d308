import { Bell, BellOff } from "lucide-react";
import type { TFunction } from "i18next";
import type { ChatSummary } from "@/domain/engine";
import type { Formats } from "../common/formats";
import type { MenuEntry } from "../common/Menu";

const hour_ms = 3_600_000;

export type MuteChoice = "8_hours" | "week" | "always";
export const MUTE_CHOICES: readonly MuteChoice[] = ["8_hours", "week", "always"];

/** Until when, ms since 1970. */
export function muteUntil(choice: MuteChoice, now: number): number {
  return choice === "always" ? Number.MAX_SAFE_INTEGER : now + (choice === "week" ? 168 : 8) * hour_ms;
}

export function isMuted({ mutedUntil = 0 }: Pick<ChatSummary, "mutedUntil">, now: number): boolean {
  return mutedUntil > now;
}

/** In words until when a chat is mute; undefined if that is for good. */
export function describeMute({ mutedUntil = 0 }: Pick<ChatSummary, "mutedUntil">, t: TFunction, formats: Formats): string | undefined {
  return mutedUntil >= Number.MAX_SAFE_INTEGER ? undefined : t("chats.muted_until", { time: formats.dateTime(mutedUntil) });
}

/** Muting for one of three times, or the end of it. */
export function buildMuteEntry(summary: Pick<ChatSummary, "mutedUntil">, now: number, t: (key: string) => string, set: (until: number | null) => void): MenuEntry {
  if (isMuted(summary, now)) return { key: "mute", label: t("chats.unmute"), icon: Bell, onSelect: () => set(null) };
  return { key: "mute", label: t("chats.mute"), icon: BellOff, entries: MUTE_CHOICES.map((choice) => ({ key: choice, label: t(`chats.mute_${choice}`), onSelect: () => set(muteUntil(choice, Date.now())) })) };
}
