import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import type { Person } from "@/domain/engine";
import { useReadable } from "../use_readable";
import { Avatar } from "../common/Avatar";
import { PersonText } from "../common/PersonText";
import { TextField } from "../common/TextField";
import { TrustMark } from "../common/TrustMark";
import { Waiting } from "../common/Waiting";
import css from "./PeopleSearch.module.css";

const pause_ms = 250;
const userId = /^@[^\s:]+:\S+$/u;

export interface PeopleSearchProps {
  readonly onChoose: (person: Person) => void;
  readonly chosen?: ReadonlySet<string>;
  /** Whether one begins here; in a form that asks something before it, one does not. */
  readonly autoFocus?: boolean;
}

/** Finds people by name or by @name:server; before anything is typed, those one already talks with. */
export function PeopleSearch({ onChoose, chosen, autoFocus = true }: PeopleSearchProps) {
  const { t } = useTranslation();
  const engine = useEngine();
  const chats = useReadable(engine.chats);
  const [words, setWords] = useState("");
  const [found, setFound] = useState<readonly Person[] | "looking" | "failed">([]);
  const wanted = words.trim();
  useEffect(() => {
    if (wanted.length < 2) { setFound([]); return undefined; }
    let current = true;
    setFound("looking");
    const timer = setTimeout(() => {
      engine.findPeople(wanted).then((people) => { if (current) setFound(people); }, () => { if (current) setFound("failed"); });
    }, pause_ms);
    return () => { current = false; clearTimeout(timer); };
  }, [engine, wanted]);
  const known = chats.flatMap((chat) => (chat.peer && chat.membership === "join" ? [chat.peer] : [])).slice(0, 30);
  const typed: Person | undefined = userId.test(wanted) ? { userId: wanted, name: wanted, trust: "unknown" } : undefined;
  const list = Array.isArray(found) ? (wanted.length < 2 ? known : found) : [];
  const shown = typed && !list.some((person) => person.userId === typed.userId) ? [typed, ...list] : list;
  return (
    <div className={css.search}>
      <TextField label={t("people.search")} hint={t("people.search_hint")} value={words} onChange={(event) => setWords(event.target.value)} autoFocus={autoFocus} autoComplete="off" spellCheck={false} />
      {found === "looking" && <Waiting inline sentence={t("people.looking")} />}
      {found === "failed" && <p role="alert" className={css.note}>{t("people.failed")}</p>}
      {Array.isArray(found) && wanted.length >= 2 && !shown.length && <p role="status" className={css.note}>{t("people.nobody")}</p>}
      <ul className={css.list} aria-label={t("people.found")}>
        {shown.map((person) => (
          <li key={person.userId}>
            <button type="button" className={css.person} aria-pressed={chosen ? chosen.has(person.userId) : undefined} onClick={() => onChoose(person)}>
              <Avatar id={person.userId} name={person.name} {...(person.avatar ? { source: person.avatar } : {})} size={40} />
              <span className={css.words}><PersonText className={css.name}>{person.name}</PersonText><bdi dir="ltr" className={css.id}>{person.userId}</bdi></span>
              <TrustMark trust={person.trust} />
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
