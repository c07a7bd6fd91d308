import { useEmoji as countUse, type RecentEmoji } from "@/domain/emoji/recent_emojis";
import { Store } from "@/domain/store";

/** What this person uses often; the app fills it from what it keeps on the device, and keeps its changes. */
export const recentEmojis = new Store<readonly RecentEmoji[]>([]);
/** The skin tone chosen last (domain/emoji/skin_tone). */
export const emojiTone = new Store<0 | 1 | 2 | 3 | 4 | 5>(0);

export function noteEmoji(emoji: string): void {
  recentEmojis.update((list) => countUse(list, emoji, Date.now()));
}
