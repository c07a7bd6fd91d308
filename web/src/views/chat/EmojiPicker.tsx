import { useDeferredValue, useEffect, useMemo, useRef, useState, type KeyboardEvent } from "react";
import { Apple, Car, Cat, Clock3, Flag, Hash, Lightbulb, Smile, Trophy, UserRound, type LucideIcon } from "lucide-react";
import { useTranslation } from "react-i18next";
import { withTone, type Emoji, type EmojiGroupId, type EmojiSet } from "@/domain/emoji/emoji_set";
import { loadEmojis } from "@/domain/emoji/load_emojis";
import { SKIN_TONES, applySkinTone } from "@/domain/emoji/skin_tone";
import { useReadable } from "../use_readable";
import { Button } from "../common/Button";
import { Waiting } from "../common/Waiting";
import { emojiTone, noteEmoji, recentEmojis } from "./recent_emojis";
import css from "./EmojiPicker.module.css";

const icons: Readonly<Record<EmojiGroupId | "recent", LucideIcon>> = { recent: Clock3, smileys: Smile, people: UserRound, animals: Cat, food: Apple, travel: Car, activities: Trophy, objects: Lightbulb, symbols: Hash, flags: Flag };
const columns = 8;

function useEmojiSet(language: string): { readonly set?: EmojiSet; readonly failed: boolean; readonly retry: () => void } {
  const [set, setSet] = useState<EmojiSet>();
  const [attempt, setAttempt] = useState(0);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    let wanted = true;
    setFailed(false);
    loadEmojis(language).then((loaded) => { if (wanted) setSet(loaded); }, () => { if (wanted) setFailed(true); });
    return () => { wanted = false; };
  }, [language, attempt]);
  return { ...(set ? { set } : {}), failed, retry: () => setAttempt(attempt + 1) };
}

/** All emoji, by group or by words in both languages, in the skin tone of one's choice. */
export default function EmojiPicker({ onPick }: { readonly onPick: (emoji: string) => void }) {
  const { t, i18n } = useTranslation();
  const { set, failed, retry } = useEmojiSet(i18n.language.split("-")[0]!);
  const recent = useReadable(recentEmojis);
  const tone = useReadable(emojiTone);
  const [group, setGroup] = useState<EmojiGroupId | "recent">(recent.length ? "recent" : "smileys");
  const [words, setWords] = useState("");
  const wanted = useDeferredValue(words.trim());
  const grid = useRef<HTMLDivElement>(null);
  const shown = useMemo<readonly Emoji[]>(() => {
    if (!set) return [];
    if (wanted) return set.search(wanted);
    if (group === "recent") return recent.flatMap(({ emoji }) => set.find(emoji) ?? []);
    return set.groups.find((each) => each.id === group)?.emojis ?? [];
  }, [set, wanted, group, recent]);

  if (failed) return <div className={css.state}><p>{t("emoji.failed")}</p><Button onClick={retry}>{t("ui.retry")}</Button></div>;
  if (!set) return <Waiting sentence={t("emoji.loading")} />;

  const pick = (emoji: Emoji) => {
    const toned = withTone(emoji, tone);
    noteEmoji(emoji.emoji);
    onPick(toned);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const buttons = [...(grid.current?.querySelectorAll("button") ?? [])];
    const at = buttons.indexOf(event.target as HTMLButtonElement);
    if (at < 0) return;
    const along = getComputedStyle(grid.current!).direction === "rtl" ? -1 : 1;
    const step = { ArrowRight: along, ArrowLeft: -along, ArrowDown: columns, ArrowUp: -columns }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    buttons[Math.max(0, Math.min(buttons.length - 1, at + step))]?.focus();
  };
  return <>
    <div className={css.top}>
      <input type="search" dir="auto" className={css.search} aria-label={t("emoji.search")} placeholder={t("emoji.search")} value={words} onChange={(event) => setWords(event.target.value)} onKeyDown={(event) => {
        if (event.key === "Enter" && shown[0]) { event.preventDefault(); pick(shown[0]); }
        if (event.key === "ArrowDown") { event.preventDefault(); grid.current?.querySelector("button")?.focus(); }
      }} autoFocus />
      <div className={css.tones} role="radiogroup" aria-label={t("emoji.tone")}>
        {SKIN_TONES.map((each) => <button key={each} type="button" role="radio" aria-checked={each === tone} aria-label={t("emoji.tone_number", { number: each })} className={css.tone} onClick={() => emojiTone.set(each)}>{applySkinTone("✋", each)}</button>)}
      </div>
    </div>
    {!wanted && <div className={css.groups} role="group" aria-label={t("emoji.groups")}>
      {(["recent", ...set.groups.map((each) => each.id)] as const).map((id) => {
        const Icon = icons[id];
        return <button key={id} type="button" className={css.group} aria-pressed={group === id} aria-label={t(`emoji.group_${id}`)} title={t(`emoji.group_${id}`)} onClick={() => setGroup(id)}><Icon size={18} aria-hidden="true" /></button>;
      })}
    </div>}
    {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- arrow keys between the buttons within */}
    <div ref={grid} role="group" aria-label={t("emoji.title")} className={css.grid} onKeyDown={onKeyDown}>
      {shown.map((emoji, at) => (
        <button key={emoji.emoji} type="button" tabIndex={at === 0 ? 0 : -1} className={css.emoji} aria-label={set.nameOf(emoji.emoji, i18n.language.split("-")[0]!) ?? emoji.emoji} title={set.nameOf(emoji.emoji, i18n.language.split("-")[0]!)} onClick={() => pick(emoji)}>{withTone(emoji, tone)}</button>
      ))}
      {!shown.length && <p className={css.none} role="status">{wanted ? t("emoji.none") : t("emoji.no_recent")}</p>}
    </div>
  </>;
}
