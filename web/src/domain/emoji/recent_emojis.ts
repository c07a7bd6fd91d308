import { readField, readRecord, readToken } from "../untrusted";
import { isEmoji } from "./jumbo";

/** Often and lately used emojis. Every use counts one, and uses fade by half in two weeks. */
export interface RecentEmoji {
  readonly emoji: string;
  readonly score: number;
  /** When `score` was right, ms since 1970. */
  readonly at: number;
}

export const RECENT_MAX = 36;
export const HALF_LIFE_MS = 14 * 86_400_000;
/** Before anything was used. With U+FE0F where a text form exists too, as the specification asks of reactions. */
export const FIRST_REACTIONS: readonly string[] = ["👍\uFE0F", "❤\uFE0F", "😂", "😮", "😢", "🙏"];

function scoreAt(recent: RecentEmoji, now: number): number {
  return recent.score * 0.5 ** (Math.max(0, now - recent.at) / HALF_LIFE_MS);
}

/** The list after `emoji` was used, best first. */
export function useEmoji(list: readonly RecentEmoji[], emoji: string, now: number): readonly RecentEmoji[] {
  const before = list.find((recent) => recent.emoji === emoji);
  const used: RecentEmoji = { emoji, score: 1 + (before === undefined ? 0 : scoreAt(before, now)), at: now };
  const others = list.filter((recent) => recent.emoji !== emoji);
  return [used, ...others].sort((a, b) => scoreAt(b, now) - scoreAt(a, now)).slice(0, RECENT_MAX);
}

/** Six to react with: what is used most, filled up with the usual ones. */
export function quickReactions(list: readonly RecentEmoji[], now: number, count = FIRST_REACTIONS.length): readonly string[] {
  const used = [...list].filter((recent) => scoreAt(recent, now) >= 1.5).sort((a, b) => scoreAt(b, now) - scoreAt(a, now)).map((recent) => recent.emoji);
  return [...new Set([...used, ...FIRST_REACTIONS])].slice(0, count);
}

/** From storage; what is damaged is left out. */
export function readRecentEmojis(saved: unknown): readonly RecentEmoji[] {
  if (!Array.isArray(saved)) return [];
  return saved.slice(0, RECENT_MAX).flatMap((entry: unknown) => {
    const record = readRecord(entry);
    const emoji = readToken(record, "emoji", 40);
    const [score, at] = [readField(record, "score"), readField(record, "at")];
    const valid = emoji !== undefined && isEmoji(emoji) && typeof score === "number" && score > 0 && Number.isFinite(score) && typeof at === "number" && Number.isFinite(at);
    return valid ? [{ emoji, score, at }] : [];
  });
}
