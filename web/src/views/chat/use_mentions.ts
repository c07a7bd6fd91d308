import { useEffect, useId, useMemo, useState, type KeyboardEvent } from "react";
import type { Chat, Member } from "@/domain/engine";
import { buildMentionIndex } from "@/domain/mentions";
import { useReadable } from "../use_readable";

/** People offered while a name is typed after an @, and those chosen in this message. */
export function useMentions(chat: Chat, myUserId: string, words: string | undefined) {
  const members = useReadable(chat.members);
  const listId = useId();
  const [active, setActive] = useState(0);
  const [chosen] = useState(() => new Map<string, string>());
  const wanted = words !== undefined;
  // Folding 5,000 names is for when an @ is typed, not for opening the chat.
  const index = useMemo(() => (wanted ? buildMentionIndex(members.filter((member) => member.membership === "join" && member.userId !== myUserId)) : undefined), [wanted, members, myUserId]);
  const found = useMemo(() => (words === undefined ? [] : index?.find(words) ?? []), [index, words]);
  useEffect(() => setActive(0), [words]);

  const choose = (member: Member): string => {
    const name = member.name.replace(/\s+/gu, " ").trim() || member.userId.slice(1);
    chosen.set(name, member.userId);
    return name;
  };

  /** True if the key was for the list. */
  const onKey = (event: KeyboardEvent, pick: (member: Member) => void, close: () => void): boolean => {
    if (event.key === "ArrowDown") setActive((active + 1) % found.length);
    else if (event.key === "ArrowUp") setActive((active + found.length - 1) % found.length);
    else if (event.key === "Enter" || event.key === "Tab") pick(found[Math.min(active, found.length - 1)]!);
    else if (event.key === "Escape") { event.stopPropagation(); close(); } else return false;
    event.preventDefault();
    return true;
  };

  return { listId, found, active, chosen, choose, onKey, forget: () => chosen.clear() };
}
