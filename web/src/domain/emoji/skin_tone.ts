/** 0 is the yellow default, 1 to 5 light to dark (Fitzpatrick 1-2 to 6). */
export type SkinTone = 0 | 1 | 2 | 3 | 4 | 5;

export const SKIN_TONES: readonly SkinTone[] = [0, 1, 2, 3, 4, 5];
const MODIFIERS = ["", "\u{1F3FB}", "\u{1F3FC}", "\u{1F3FD}", "\u{1F3FE}", "\u{1F3FF}"] as const;
const ANY_MODIFIER = /[\u{1F3FB}-\u{1F3FF}]/gu;

/** Everybody in the picture gets the tone. Only for emojis that the data lists as toned. */
export function applySkinTone(emoji: string, tone: SkinTone): string {
  const plain = removeSkinTone(emoji);
  return tone === 0 ? plain : plain.replace(/(\p{Emoji_Modifier_Base})\uFE0F?/gu, `$1${MODIFIERS[tone]}`);
}

/** The default picture of a toned one, so that 👍 and 👍🏽 count as the same choice. */
export function removeSkinTone(emoji: string): string {
  return emoji.replace(ANY_MODIFIER, "");
}

export function skinToneOf(emoji: string): SkinTone {
  const modifier = emoji.match(ANY_MODIFIER)?.[0];
  return modifier === undefined ? 0 : (MODIFIERS.indexOf(modifier as (typeof MODIFIERS)[number]) as SkinTone);
}
