const emoji = /^(?:\p{Emoji_Presentation}|\p{Extended_Pictographic}|\p{Regional_Indicator}{2}|\p{Emoji_Modifier}|\u200d|\ufe0f|\s)+$/u;
const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });
const jumbo_max = 3;

/** Whether a text is nothing but one to three emoji: those are drawn big, without a bubble. */
export function isJumbo(text: string): boolean {
  if (text.length > 60 || !emoji.test(text) || !/\P{White_Space}/u.test(text)) return false;
  return [...segmenter.segment(text.replace(/\s+/gu, ""))].length <= jumbo_max;
}
