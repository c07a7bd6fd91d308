const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** One or two letters that stand for a name: the first of its first and last word. */
export function initials(name: string): string {
  const words = name.replace(/^[@#!]+/u, "").split(/[\s_.:-]+/u).filter((word) => /[\p{L}\p{N}\p{Extended_Pictographic}]/u.test(word));
  const first = firstLetter(words[0]);
  const last = words.length > 1 ? firstLetter(words[words.length - 1]) : "";
  if (!first) return "?";
  // Arabic letters are wide and would join into something that is no word: one is enough, and two scripts do not mix.
  return /\p{Script=Arabic}/u.test(first + last) ? first : first + last;
}

function firstLetter(word: string | undefined): string {
  if (!word) return "";
  for (const { segment } of segmenter.segment(word.replace(/^ال(?=.{2})/u, ""))) {
    if (/[\p{L}\p{N}\p{Extended_Pictographic}]/u.test(segment)) return segment.toLocaleUpperCase().slice(0, 4);
  }
  return "";
}

/** The same colour for the same ID on every device (FNV-1a over its UTF-16 units). */
export function colourOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < id.length; at += 1) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193);
  return (hash >>> 0) % 8;
}
