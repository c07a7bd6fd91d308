import type { Member } from "@/domain/engine";

export interface MentionIndex {
  find(words: string): readonly Member[];
}

const shown_max = 8;

/** Letters as people type them: without case, accents and the usual variants of Arabic letters. */
export function foldName(name: string): string {
  return name.normalize("NFKD").replace(/\p{M}|\u0640/gu, "").replace(/[أإآٱ]/gu, "ا").replace(/ة/gu, "ه").replace(/ى/gu, "ي").toLowerCase();
}

/** Made once for a list of members, so that each letter typed costs one pass over folded names. */
export function buildMentionIndex(members: readonly Member[], myUserId: string): MentionIndex {
  const folded: (readonly [string, Member])[] = members
    .filter((member) => member.membership === "join" && member.userId !== myUserId)
    .map((member) => [`${foldName(member.name)} ${member.userId.slice(1).toLowerCase()}`, member] as const);
  return {
    find(words) {
      const wanted = foldName(words);
      const found: Member[] = [];
      for (const [name, member] of folded) {
        if (name.startsWith(wanted) || name.includes(` ${wanted}`)) found.push(member);
        if (found.length >= shown_max) break;
      }
      return found;
    },
  };
}
