import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { NewGroup, Person } from "@/domain/engine";
import { Button } from "../common/Button";
import { TextField } from "../common/TextField";
import { PersonText } from "../common/PersonText";
import { PeopleSearch } from "./PeopleSearch";
import css from "./NewGroupForm.module.css";

const access = ["private", "knock", "public"] as const;

/** Name, people and who may come in. Members can be added later, so only the name is needed. */
export function NewGroupForm({ kind, withoutAccess, onCreate }: { readonly kind: NewGroup["kind"]; /** Who may join is settled already. */ readonly withoutAccess?: boolean; readonly onCreate: (group: NewGroup) => void }) {
  const { t } = useTranslation();
  const [name, setName] = useState("");
  const [topic, setTopic] = useState("");
  const [chosenAccess, setAccess] = useState<NewGroup["access"]>("private");
  const [people, setPeople] = useState<readonly Person[]>([]);
  const toggle = (person: Person) => setPeople((list) => (list.some((each) => each.userId === person.userId) ? list.filter((each) => each.userId !== person.userId) : [...list, person]));
  const create = (event: React.FormEvent) => {
    event.preventDefault();
    if (!name.trim()) return;
    onCreate({ kind, name: name.trim(), ...(topic.trim() ? { topic: topic.trim() } : {}), invite: people.map((person) => person.userId), access: chosenAccess });
  };
  return (
    <form className={css.form} onSubmit={create}>
      <TextField label={t("new_chat.name")} value={name} maxLength={100} onChange={(event) => setName(event.target.value)} autoFocus required />
      <TextField label={t("new_chat.topic")} value={topic} maxLength={500} onChange={(event) => setTopic(event.target.value)} />
      {!withoutAccess && <fieldset className={css.access}>
        <legend>{t("new_chat.access")}</legend>
        {access.map((each) => (
          <label key={each} className={css.choice}>
            <input type="radio" name="access" checked={chosenAccess === each} onChange={() => setAccess(each)} />
            <span><span className={css.choiceName}>{t(`new_chat.access_${each}`)}</span><span className={css.hint}>{t(`new_chat.access_${each}_hint`)}</span></span>
          </label>
        ))}
      </fieldset>}
      {people.length > 0 && <ul className={css.chosen} aria-label={t("new_chat.chosen")}>{people.map((person) => <li key={person.userId}><button type="button" onClick={() => toggle(person)} aria-label={t("new_chat.remove", { name: person.name })}><PersonText>{person.name}</PersonText> ×</button></li>)}</ul>}
      <PeopleSearch autoFocus={false} onChoose={toggle} chosen={new Set(people.map((person) => person.userId))} />
      <Button variant="primary" type="submit" disabled={!name.trim()}>{t("ui.create")}</Button>
    </form>
  );
}
