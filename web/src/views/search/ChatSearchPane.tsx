import { useState, type KeyboardEvent } from "react";
import { ArrowDown, ArrowUp, X } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import type { SearchFilters } from "@/domain/engine";
import type { Message } from "@/domain/message";
import { useReadable } from "../use_readable";
import { Button } from "../common/Button";
import { IconButton } from "../common/IconButton";
import { useFormats } from "../common/locale";
import { TextField } from "../common/TextField";
import { useShowProblem } from "../common/Toasts";
import { Waiting } from "../common/Waiting";
import { MessageHit } from "./MessageHit";
import { useSearch } from "./use_search";
import { PaneTitle } from "../layout/PaneTitle";
import css from "./search.module.css";

export interface ChatSearchPaneProps {
  readonly roomId: string;
  readonly onClose: () => void;
  /** Shows the message in its chat. */
  readonly onOpenEvent: (eventId: string) => void;
}

const members_max = 300;
const day_ms = 86_400_000;

/** Search inside one chat: words, by whom and when; from match to match, and further back than this device has read. */
export function ChatSearchPane({ roomId, onClose, onOpenEvent }: ChatSearchPaneProps) {
  const { t } = useTranslation();
  const [words, setWords] = useState("");
  const [filters, setFilters] = useState<SearchFilters>({ roomId });
  const [turn, setTurn] = useState(0);
  const [current, setCurrent] = useState<string>();
  const { messages, state } = useSearch(words, filters, turn);
  const at = messages.findIndex(({ eventId }) => eventId === current);
  const open = (message: Message | undefined) => {
    if (message?.eventId === undefined) return;
    setCurrent(message.eventId);
    onOpenEvent(message.eventId);
  };
  const step = (by: 1 | -1) => open(messages[at < 0 ? 0 : at + by]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.nativeEvent.isComposing) return;
    event.preventDefault();
    step(event.shiftKey ? -1 : 1);
  };
  return (
    <section className={css.pane} role="search" aria-label={t("search.title")}>
      <div className={css.bar}>
        <PaneTitle className={css.title}>{t("search.title")}</PaneTitle>
        <IconButton label={t("ui.close")} icon={X} onClick={onClose} />
      </div>
      <div className={css.form}>
        {/* oxlint-disable-next-line jsx-a11y/no-autofocus -- it was opened to type */}
        <TextField type="search" label={t("search.words")} hideLabel placeholder={t("search.words")} value={words} autoFocus onChange={(event) => setWords(event.target.value)} onKeyDown={onKeyDown} />
        <Filters roomId={roomId} filters={filters} onFilters={setFilters} />
      </div>
      {messages.length > 0 && <Steps at={at} count={messages.length} onStep={step} />}
      <ul className={css.list} aria-label={t("search.results")}>
        {messages.map((message) => (
          <li key={message.id}><MessageHit message={message} words={words} current={message.eventId === current} onOpen={() => open(message)} /></li>
        ))}
        {words.trim() !== "" && <li className={css.more}>
          <p className={css.note} role="status">{state === "searching" ? t("search.searching") : messages.length === 0 ? t("search.nothing") : ""}</p>
          <Further roomId={roomId} onFound={() => setTurn((old) => old + 1)} />
        </li>}
      </ul>
    </section>
  );
}

function Steps({ at, count, onStep }: { readonly at: number; readonly count: number; readonly onStep: (by: 1 | -1) => void }) {
  const { t } = useTranslation();
  const formats = useFormats();
  return (
    <div className={css.bar}>
      <span className={css.place} role="status">{at < 0 ? t("search.found", { count }) : t("search.place", { at: formats.number(at + 1), count: formats.number(count) })}</span>
      <IconButton label={t("search.previous")} icon={ArrowDown} disabled={at <= 0} onClick={() => onStep(-1)} />
      <IconButton label={t("search.next")} icon={ArrowUp} disabled={at >= count - 1} onClick={() => onStep(1)} />
    </div>
  );
}

interface FiltersProps {
  readonly roomId: string;
  readonly filters: SearchFilters;
  readonly onFilters: (filters: SearchFilters) => void;
}

function Filters({ roomId, filters, onFilters }: FiltersProps) {
  const { t } = useTranslation();
  const members = useReadable(useEngine().openChat(roomId).members);
  const change = (name: "sender" | "after" | "before", value: string | number | undefined) => {
    const { [name]: _old, ...rest } = filters;
    onFilters(value === undefined ? rest : { ...rest, [name]: value });
  };
  const dayOf = (value: string): number | undefined => {
    const day = new Date(`${value}T00:00`).getTime();
    return Number.isFinite(day) ? day : undefined;
  };
  return (
    <details className={css.filters}>
      <summary>{t("search.filters")}</summary>
      <div className={css.fields}>
        <label className={css.field}>{t("search.from")}
          <select className={css.input} value={filters.sender ?? ""} onChange={(event) => change("sender", event.target.value || undefined)}>
            <option value="">{t("search.anyone")}</option>
            {members.filter(({ membership }) => membership === "join").slice(0, members_max).map((member) => <option key={member.userId} value={member.userId}>{member.name}</option>)}
          </select>
        </label>
        <label className={css.field}>{t("search.since")}
          <input type="date" className={css.input} onChange={(event) => change("after", dayOf(event.target.value))} />
        </label>
        <label className={css.field}>{t("search.until")}
          <input type="date" className={css.input} onChange={(event) => { const day = dayOf(event.target.value); change("before", day === undefined ? undefined : day + day_ms - 1); }} />
        </label>
      </div>
    </details>
  );
}

/** Fetches older messages than this device has, which are searched as they come. */
function Further({ roomId, onFound }: { readonly roomId: string; readonly onFound: () => void }) {
  const { t } = useTranslation();
  const formats = useFormats();
  const engine = useEngine();
  const showProblem = useShowProblem();
  const [isBusy, setBusy] = useState(false);
  const [reached, setReached] = useState<number>();
  const [isEnd, setEnd] = useState(false);
  const fetch = () => {
    setBusy(true);
    engine.searchFurther(roomId, (_count, oldestAt) => setReached(oldestAt)).then((hasMore) => { setEnd(!hasMore); onFound(); }, showProblem).finally(() => setBusy(false));
  };
  return <>
    {reached !== undefined && !isEnd && <p className={css.note} role="status">{t("search.further_found", { date: formats.dateTime(reached) })}</p>}
    {isBusy ? <Waiting inline sentence={t("search.further_busy")} /> : isEnd ? <p className={css.note} role="status">{t("search.further_end")}</p> : <Button onClick={fetch}>{t("search.further")}</Button>}
  </>;
}
