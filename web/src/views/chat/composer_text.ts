/** Pure editing of the composer's text: what a key does to text and selection. */
export interface Edited {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** Puts `mark` around the selection, or takes it away where it is. */
export function wrapSelection({ text, start, end }: Edited, mark: string): Edited {
  const inside = text.slice(start, end);
  const before = text.slice(0, start);
  const after = text.slice(end);
  if (before.endsWith(mark) && after.startsWith(mark)) {
    return { text: before.slice(0, -mark.length) + inside + after.slice(mark.length), start: start - mark.length, end: end - mark.length };
  }
  return { text: before + mark + inside + mark + after, start: start + mark.length, end: end + mark.length };
}

/** Begins each selected line with `prefix`, or takes it away where all have it. */
export function prefixLines({ text, start, end }: Edited, prefix: string): Edited {
  const from = text.lastIndexOf("\n", start - 1) + 1;
  const lines = text.slice(from, end).split("\n");
  const all = lines.every((line) => line.startsWith(prefix));
  const changed = lines.map((line) => (all ? line.slice(prefix.length) : prefix + line)).join("\n");
  const added = changed.length - (end - from);
  return { text: text.slice(0, from) + changed + text.slice(end), start: Math.max(from, start + (all ? -prefix.length : prefix.length)), end: end + added };
}

export function makeLink({ text, start, end }: Edited): Edited {
  const inside = text.slice(start, end);
  const made = `[${inside}](https://)`;
  const at = start + inside.length + 3;
  return { text: text.slice(0, start) + made + text.slice(end), start: at, end: at + 8 };
}

export interface MentionQuery {
  readonly from: number;
  readonly words: string;
}

const mention_letters_max = 30;

/** The name being typed after an @ before the caret, if one is. */
export function findMention(text: string, caret: number): MentionQuery | undefined {
  const found = /(?:^|[\s(])@([^\s@]{0,30})$/u.exec(text.slice(Math.max(0, caret - mention_letters_max - 2), caret));
  return found ? { from: caret - found[1]!.length - 1, words: found[1]! } : undefined;
}

/** What goes out: each "@Name" that was chosen from the list as a link to its person. */
export function linkMentions(text: string, chosen: ReadonlyMap<string, string>): { readonly markdown: string; readonly mentions: readonly string[] } {
  const names = [...chosen.keys()].filter((name) => text.includes(`@${name}`)).sort((a, b) => b.length - a.length);
  if (!names.length) return { markdown: text, mentions: [] };
  const pattern = new RegExp(`@(${names.map((name) => name.replace(/[.*+?^${}()|[\]\\]/gu, "\\$&")).join("|")})`, "gu");
  const mentions = new Set<string>();
  const markdown = text.replace(pattern, (_, name: string) => {
    const userId = chosen.get(name)!;
    mentions.add(userId);
    return `[@${name.replace(/[[\]\\]/gu, "\\$&")}](https://matrix.to/#/${encodeURIComponent(userId)})`;
  });
  return { markdown, mentions: [...mentions] };
}
