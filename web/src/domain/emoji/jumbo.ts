/** Messages of nothing but a few emojis are drawn large. */
export const JUMBO_EMOJIS_MAX = 3;
/** A family with skin tones has 11 characters of two units each, and more. */
const JUMBO_LENGTH_MAX = 120;

/** Pictures by default or by choice (U+FE0F), with tone and joined ones; flags; keycaps; tagged flags. The heart counts without U+FE0F too, as phones send it. */
const PICTURE = "(?:\\p{Emoji_Presentation}|[❤☺☹✌☝]|\\p{Extended_Pictographic}\\uFE0F|\\p{Emoji_Modifier_Base})\\uFE0F?\\p{Emoji_Modifier}?[\\u{E0020}-\\u{E007F}]*";
const EMOJI = new RegExp(`^(?:\\p{Regional_Indicator}{2}|[0-9#*]\\uFE0F?\\u20E3|${PICTURE}(?:\\u200D(?:${PICTURE}|\\p{Extended_Pictographic}\\uFE0F?))*)$`, "u");

/** True for one emoji, as one person sees one. */
export function isEmoji(text: string): boolean {
  return text.length <= 40 && EMOJI.test(text);
}

let segmenter: Intl.Segmenter | undefined;

/** How many emojis the text consists of if it is nothing else and at most JUMBO_EMOJIS_MAX; else 0. */
export function countJumbo(text: string): number {
  const trimmed = text.trim();
  if (trimmed === "" || trimmed.length > JUMBO_LENGTH_MAX) return 0;
  segmenter ??= new Intl.Segmenter(undefined, { granularity: "grapheme" });
  let count = 0;
  for (const { segment } of segmenter.segment(trimmed)) {
    if (/^\s+$/u.test(segment)) continue;
    count += 1;
    if (count > JUMBO_EMOJIS_MAX || !isEmoji(segment)) return 0;
  }
  return count;
}
