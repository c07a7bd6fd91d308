import { useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import type { Person } from "@/domain/engine";
import { useReadable } from "../use_readable";
import { Avatar } from "../common/Avatar";
import { PersonText } from "../common/PersonText";
import { MessageHit } from "./MessageHit";
import { useSearch } from "./use_search";
import css from "./search.module.css";

export interface GlobalResultsProps {
  readonly words: string;
  readonly onOpenMessage: (roomId: string, eventId: string) => void;
  readonly onOpenPerson: (userId: string) => void;
}

const hits_max = 40;
const people_max = 5;
const letters_min = 2;
const pause_ms = 300;

/** Below the chats whose names fit: messages with the words, and people one has no chat with yet. */
export function GlobalResults({ words, onOpenMessage, onOpenPerson }: GlobalResultsProps) {
  const { t } = useTranslation();
  const engine = useEngine();
  const chats = useReadable(engine.chats);
  const names = useMemo(() => new Map(chats.map(({ roomId, name }) => [roomId, name])), [chats]);
  const peers = useMemo(() => new Set(chats.flatMap(({ peer }) => (peer ? [peer.userId] : []))), [chats]);
  const wanted = words.trim().length >= letters_min ? words : "";
  const { messages, state } = useSearch(wanted, {});
  const people = usePeople(wanted).filter(({ userId }) => userId !== engine.userId && !peers.has(userId)).slice(0, people_max);
  if (wanted === "") return null;
  return <>
    {people.length > 0 && <section aria-label={t("search.people")}>
      <h2 className={css.heading}>{t("search.people")}</h2>
      <ul className={css.results}>
        {people.map((person) => (
          <li key={person.userId}>
            <button type="button" className={css.person} onClick={() => onOpenPerson(person.userId)}>
              <Avatar id={person.userId} name={person.name} {...(person.avatar ? { source: person.avatar } : {})} size={36} />
              <PersonText className={css.hitName}>{person.name}</PersonText>
            </button>
          </li>
        ))}
      </ul>
    </section>}
    <section aria-label={t("search.messages")}>
      <h2 className={css.heading}>{t("search.messages")}</h2>
      <ul className={css.results}>
        {messages.slice(0, hits_max).map((message) => (
          <li key={message.id}><MessageHit message={message} words={wanted} chatName={names.get(message.roomId) ?? ""} onOpen={() => { if (message.eventId) onOpenMessage(message.roomId, message.eventId); }} /></li>
        ))}
      </ul>
      <p className={css.note} role="status">{state === "searching" ? t("search.searching") : messages.length === 0 ? t("search.nothing") : ""}</p>
    </section>
  </>;
}

/** People of the server's directory with these letters in their names. */
function usePeople(words: string): readonly Person[] {
  const engine = useEngine();
  const [people, setPeople] = useState<readonly Person[]>([]);
  useEffect(() => {
    if (words === "") {
      setPeople([]);
      return;
    }
    let isWanted = true;
    const timer = setTimeout(() => engine.findPeople(words).then((found) => { if (isWanted) setPeople(found); }, () => undefined), pause_ms);
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [engine, words]);
  return people;
}
