import { useTranslation } from "react-i18next";
import type { Person } from "@/domain/engine";
import { PersonText } from "../common/PersonText";
import { PeopleSearch } from "../chats/PeopleSearch";
import css from "./invite.module.css";

/** Several people; those who are chosen stand above the search. */
export function PeoplePicker({ chosen, max, autoFocus, onChange }: { readonly chosen: readonly Person[]; readonly max: number; readonly autoFocus?: boolean; readonly onChange: (people: readonly Person[]) => void }) {
  const { t } = useTranslation();
  const toggle = (person: Person) => {
    const others = chosen.filter((each) => each.userId !== person.userId);
    if (others.length < chosen.length) onChange(others);
    else if (chosen.length < max) onChange([...chosen, person]);
  };
  return <>
    {chosen.length > 0 && (
      <ul className={css.chosen} aria-label={t("new_chat.chosen")}>
        {chosen.map((person) => <li key={person.userId}><button type="button" className={css.chip} onClick={() => toggle(person)} aria-label={t("new_chat.remove", { name: person.name })}><PersonText>{person.name}</PersonText> ×</button></li>)}
      </ul>
    )}
    <PeopleSearch {...(autoFocus === undefined ? {} : { autoFocus })} onChoose={toggle} chosen={new Set(chosen.map(({ userId }) => userId))} />
  </>;
}
