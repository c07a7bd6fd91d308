import { useEffect, useState } from "react";
import { Bell, BellOff, Plus, X } from "lucide-react";
import { useTranslation } from "react-i18next";
import { notifyHere, PREVIEWS, setNotifyHere } from "@/app/device_settings";
import { useEngine } from "@/app/engine_context";
import { allowNotifications, notificationPermission, pushState, startPush, stopPush, type PushState } from "@/app/notify";
import { KEYWORD_LENGTH_MAX, NOTIFICATION_KINDS } from "@/domain/notifications";
import { ProblemNote } from "@/views/arrive/ProblemNote";
import { useSubmit } from "@/views/arrive/use_submit";
import { Avatar } from "../common/Avatar";
import { Banner } from "../common/Banner";
import { Button } from "../common/Button";
import { IconButton } from "../common/IconButton";
import { useFormats } from "../common/locale";
import { Switch } from "../common/Switch";
import { TextField } from "../common/TextField";
import { useReadable } from "../use_readable";
import { Buttons, Choices, Item, List, Section } from "./parts";
import css from "./settings.module.css";
import { SoundsSection } from "./SoundsSection";
import { useChange } from "./use_change";
import { useNow } from "./use_now";

const HOUR_MS = 3_600_000;
const MUTES = [["hour", HOUR_MS], ["eight_hours", 8 * HOUR_MS], ["week", 168 * HOUR_MS], ["always", Infinity]] as const;

export default function NotificationsPage() {
  return (
    <>
      <DeviceSection />
      <SoundsSection />
      <KindsSection />
      <KeywordsSection />
      <ChatsSection />
    </>
  );
}

function DeviceSection() {
  const { t, i18n } = useTranslation();
  const { notifications } = useEngine().own;
  const here = useReadable(notifyHere);
  const [push, setPush] = useState<PushState>();
  const change = useChange();
  useEffect(() => void pushState().then(setPush), []);
  const isDenied = notificationPermission() === "denied";
  const setOn = (isOn: boolean): void => change.run(async () => {
    if (isOn) await allowNotifications();
    setNotifyHere({ isOn });
  });
  const setPushed = (isOn: boolean): void => change.run(async () => {
    await (isOn ? startPush(notifications, i18n.language) : stopPush(notifications));
    setPush(isOn ? "on" : "off");
  });
  return (
    <Section title={t("settings.notify_here")}>
      {isDenied && <Banner tone="warn" rounded>{t("problem.notify_denied")} {t("problem.notify_denied_next")}</Banner>}
      <Switch label={t("settings.notify_on")} hint={t("settings.notify_on_hint")} checked={here.isOn && !isDenied} disabled={change.isBusy || isDenied} onCheckedChange={setOn} />
      <Switch label={t("settings.push")} hint={push === "unsupported" ? t("settings.push_missing") : t("settings.push_hint")} checked={push === "on"} disabled={change.isBusy || isDenied || push === undefined || push === "unsupported"} onCheckedChange={setPushed} />
      <Choices title={t("settings.preview")} value={here.preview} options={PREVIEWS.map((value) => ({ value, label: t(`settings.preview_${value}`) }))} onChange={(preview) => setNotifyHere({ preview })} />
    </Section>
  );
}

function KindsSection() {
  const { t } = useTranslation();
  const { notifications } = useEngine().own;
  const rules = useReadable(notifications.rules);
  const change = useChange();
  return (
    <Section title={t("settings.notify_what")} text={t("settings.notify_what_text")}>
      <Switch label={t("settings.notify_all")} checked={rules.isOn} disabled={change.isBusy} onCheckedChange={(isOn) => change.run(() => notifications.setOn(isOn))} />
      {NOTIFICATION_KINDS.map((kind) => (
        <Switch key={kind} label={t(`settings.notify_kind_${kind}`)} checked={rules.isOn && rules.kinds[kind]} disabled={change.isBusy || !rules.isOn} onCheckedChange={(isOn) => change.run(() => notifications.setKind(kind, isOn))} />
      ))}
      <p className={css.small}>{t("settings.notify_mentions_hint")}</p>
    </Section>
  );
}

function KeywordsSection() {
  const { t } = useTranslation();
  const { notifications } = useEngine().own;
  const { keywords } = useReadable(notifications.rules);
  const [word, setWord] = useState("");
  const change = useChange();
  const submit = useSubmit(async () => {
    await notifications.addKeyword(word);
    setWord("");
  });
  return (
    <Section title={t("settings.keywords")} text={t("settings.keywords_text")}>
      {keywords.length > 0 && (
        <ul className={css.chips}>
          {keywords.map((each) => (
            <li key={each} className={css.chip}><bdi>{each}</bdi><IconButton label={t("settings.keyword_remove", { word: each })} icon={X} iconSize={16} onClick={() => change.run(() => notifications.removeKeyword(each))} /></li>
          ))}
        </ul>
      )}
      <form className={css.form} onSubmit={submit.run} noValidate>
        <TextField label={t("settings.keyword_new")} name="keyword" value={word} maxLength={KEYWORD_LENGTH_MAX} autoComplete="off" onChange={(event) => setWord(event.target.value)} />
        <ProblemNote problem={submit.problem} />
        <Buttons><Button type="submit" icon={Plus} disabled={word.trim() === ""} busy={submit.isBusy && t("settings.saving")}>{t("settings.keyword_add")}</Button></Buttons>
      </form>
    </Section>
  );
}

function ChatsSection() {
  const { t } = useTranslation();
  const formats = useFormats();
  const engine = useEngine();
  const chats = useReadable(engine.chats);
  const change = useChange();
  const now = useNow();
  const muted = chats.filter((chat) => (chat.mutedUntil ?? 0) > now);
  const others = chats.filter((chat) => chat.membership === "join" && !muted.includes(chat));
  const [roomId, setRoomId] = useState("");
  const mute = (id: string, until: number | null): void => change.run(() => engine.openChat(id).setListFlags({ mutedUntil: until }));
  const until = (at: number): string => (at >= Number.MAX_SAFE_INTEGER ? t("settings.muted_always") : t("settings.muted_until", { time: formats.dateTime(at) }));
  return (
    <Section title={t("settings.muted_title")} text={muted.length === 0 ? t("settings.muted_none") : undefined}>
      {muted.length > 0 && (
        <List>
          {muted.map((chat) => (
            <Item key={chat.roomId} name={chat.name} picture={<Avatar id={chat.roomId} name={chat.name} {...(chat.avatar ? { source: chat.avatar } : {})} size={36} />} actions={<Button icon={Bell} onClick={() => mute(chat.roomId, null)}>{t("settings.unmute")}</Button>}>
              <span className={css.small}>{until(chat.mutedUntil ?? 0)}</span>
            </Item>
          ))}
        </List>
      )}
      {others.length > 0 && (
        <div className={css.form}>
          <label htmlFor="mute-chat">{t("settings.mute_choose")}</label>
          <select id="mute-chat" className={css.select} value={roomId} onChange={(event) => setRoomId(event.target.value)}>
            <option value="">{t("settings.mute_nothing")}</option>
            {others.map((chat) => <option key={chat.roomId} value={chat.roomId}>{chat.name}</option>)}
          </select>
          {roomId !== "" && <Buttons>{MUTES.map(([key, ms]) => <Button key={key} icon={BellOff} onClick={() => { mute(roomId, Number.isFinite(ms) ? Date.now() + ms : Number.MAX_SAFE_INTEGER); setRoomId(""); }}>{t(`settings.mute_${key}`)}</Button>)}</Buttons>}
        </div>
      )}
    </Section>
  );
}
