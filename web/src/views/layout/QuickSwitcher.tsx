import { useDeferredValue, useEffect, useId, useMemo, useState, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import type { ChatSummary, Person } from "@/domain/engine";
import { sortChats } from "../chats/chat_filter";
import { Avatar } from "../common/Avatar";
import { Dialog } from "../common/Dialog";
import { PersonText } from "../common/PersonText";
import { useShowProblem } from "../common/Toasts";
import { useReadable } from "../use_readable";
import css from "./QuickSwitcher.module.css";

const shown_max = 12;
const people_after_ms = 250;

type Found = { readonly type: "chat"; readonly chat: ChatSummary } | { readonly type: "person"; readonly person: Person };

/** People with whom there is no chat yet; asked for when one pauses. */
function usePeople(words: string): readonly Person[] {
  const engine = useEngine();
  const [people, setPeople] = useState<readonly Person[]>([]);
  useEffect(() => {
    setPeople([]);
    if (words.trim().length < 2) return undefined;
    let current = true;
    const timer = setTimeout(() => {
      engine.findPeople(words.trim()).then((found) => { if (current) setPeople(found); }, () => undefined);
    }, people_after_ms);
    return () => { current = false; clearTimeout(timer); };
  }, [engine, words]);
  return people;
}

/** Goes to a chat or a person by a few letters: Ctrl or Cmd and K from anywhere. */
export function QuickSwitcher({ onClose, onOpenChat }: { readonly onClose: () => void; readonly onOpenChat: (roomId: string) => void }) {
  const { t } = useTranslation();
  const engine = useEngine();
  const showProblem = useShowProblem();
  const id = useId();
  const chats = useReadable(engine.chats);
  const [words, setWords] = useState("");
  const [active, setActive] = useState(0);
  const deferred = useDeferredValue(words);
  const people = usePeople(deferred);
  const found = useMemo((): readonly Found[] => {
    const { requests, shown } = sortChats(chats, "all", deferred);
    const known = new Set(chats.flatMap((chat) => (chat.peer ? [chat.peer.userId] : [])));
    return [...[...shown, ...requests].slice(0, shown_max).map((chat) => ({ type: "chat", chat }) as const), ...people.filter(({ userId }) => !known.has(userId)).slice(0, shown_max).map((person) => ({ type: "person", person }) as const)];
  }, [chats, deferred, people]);
  const at = Math.min(active, Math.max(0, found.length - 1));
  const choose = (choice: Found | undefined) => {
    if (!choice) return;
    onClose();
    if (choice.type === "chat") onOpenChat(choice.chat.roomId);
    else engine.startDirectChat(choice.person.userId).then(onOpenChat, showProblem);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "ArrowDown") setActive((at + 1) % Math.max(1, found.length));
    else if (event.key === "ArrowUp") setActive((at + found.length - 1) % Math.max(1, found.length));
    else if (event.key === "Enter") choose(found[at]);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog open onOpenChange={onClose} title={t("switcher.title")}>
      <input
        type="search" role="combobox" dir="auto" className={css.field} autoFocus // oxlint-disable-line jsx-a11y/no-autofocus -- it was asked for to write in
        aria-label={t("switcher.label")} placeholder={t("switcher.label")} aria-expanded={found.length > 0} aria-controls={id} aria-activedescendant={found.length ? `${id}-${at}` : undefined} aria-autocomplete="list"
        value={words} onChange={(event) => { setWords(event.target.value); setActive(0); }} onKeyDown={onKeyDown}
      />
      <div id={id} role="listbox" aria-label={t("switcher.found")} className={css.list}>
        {found.map((each, index) => <Choice key={each.type === "chat" ? each.chat.roomId : each.person.userId} id={`${id}-${index}`} found={each} active={index === at} onChoose={() => choose(each)} />)}
      </div>
      {found.length === 0 && <p role="status">{t("switcher.nothing")}</p>}
    </Dialog>
  );
}

function Choice({ id, found, active, onChoose }: { readonly id: string; readonly found: Found; readonly active: boolean; readonly onChoose: () => void }) {
  const { t } = useTranslation();
  const { key, name, avatar, note } = found.type === "chat"
    ? { key: found.chat.peer?.userId ?? found.chat.roomId, name: found.chat.name, avatar: found.chat.avatar, note: found.chat.unread > 0 ? t("chats.unread", { count: found.chat.unread }) : "" }
    : { key: found.person.userId, name: found.person.name, avatar: found.person.avatar, note: t("switcher.new_chat") };
  return (
    <div id={id} role="option" tabIndex={-1} aria-selected={active} className={css.option} ref={(element) => { if (active) element?.scrollIntoView({ block: "nearest" }); }} onPointerDown={(event) => { event.preventDefault(); onChoose(); }}>
      <Avatar id={key} name={name} {...(avatar ? { source: avatar } : {})} size={32} />
      <PersonText className={css.name}>{name}</PersonText>
      <span className={css.note}>{note}</span>
    </div>
  );
}
