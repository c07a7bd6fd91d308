import type { Member } from "./engine";
import { levelOf, type RoomPowers } from "./room_powers";
import { foldText } from "./arabic_text";

const ORDER: Readonly<Record<Member["membership"], number>> = { knock: 0, join: 1, invite: 2, ban: 3, leave: 4 };

/** Those who ask to come in first, then members by power and name, then the invited, then the banned; who left is gone. */
export function sortMembers(members: readonly Member[], powers: RoomPowers, words: string): readonly Member[] {
  const wanted = foldText(words).trim();
  const keyed = members
    .filter((each) => each.membership !== "leave" && (wanted === "" || foldText(`${each.name} ${each.userId}`).includes(wanted)))
    .map((member) => ({ member, level: levelOf(powers, member.userId), name: member.name.toLocaleLowerCase() }));
  // Comparing by language costs a hundred times more than comparing by letter: with many thousands that would be felt.
  const compareNames = keyed.length > 1_000 ? (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0) : new Intl.Collator().compare;
  return keyed
    .sort((a, b) => ORDER[a.member.membership] - ORDER[b.member.membership] || b.level - a.level || compareNames(a.name, b.name))
    .map(({ member }) => member);
}
