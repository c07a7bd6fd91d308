import type { TFunction } from "i18next";
import type { Formats } from "../common/formats";

const JUST_NOW_MS = 60_000;

/** When somebody was last here, in words. Times are ms since 1970. */
export function describeLastSeen(at: number, now: number, formats: Formats, t: TFunction): string {
  return now - at < JUST_NOW_MS ? t("chat.last_seen_just_now") : t("chat.last_seen", { ago: formats.ago(at, now) });
}
