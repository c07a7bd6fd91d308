import { useState } from "react";
import { Bomb, Eye, EyeOff, LockKeyhole, LockKeyholeOpen } from "lucide-react";
import { useTranslation } from "react-i18next";
import { appLock, panicWipe } from "@/app/app_lock";
import { useEngine } from "@/app/engine_context";
import { LOCK_CHOICES_MINUTES } from "@/domain/app_lock";
import { Avatar } from "../common/Avatar";
import { Button } from "../common/Button";
import { Dialog } from "../common/Dialog";
import { useFormats } from "../common/locale";
import { useReadable } from "../use_readable";
import { Buttons, Item, List, Section, Select } from "./parts";
import { NewPinForm } from "./NewPinForm";
import { PinForm } from "./PinForm";
import css from "./settings.module.css";

type Asked = "none" | "set" | "change" | "remove" | "panic" | "panic-remove" | "reveal" | "wipe";

export default function LockPage() {
  const { t } = useTranslation();
  const state = useReadable(appLock.state);
  const [asked, setAsked] = useState<Asked>("none");
  return (
    <>
      <LockSection onAsk={setAsked} />
      {state.isSet && <ChatsSection onAsk={setAsked} />}
      {state.isSet && (
        <Section title={t("settings.panic_pin")} text={t("settings.panic_pin_text")}>
          <Buttons>
            <Button icon={Bomb} onClick={() => setAsked("panic")}>{state.hasPanicPin ? t("settings.panic_pin_change") : t("settings.panic_pin_set")}</Button>
            {state.hasPanicPin && <Button variant="quiet" onClick={() => setAsked("panic-remove")}>{t("settings.panic_pin_remove")}</Button>}
          </Buttons>
        </Section>
      )}
      <Section title={t("settings.wipe_title")} text={t("settings.wipe_text")}>
        <Buttons><Button icon={Bomb} variant="danger" onClick={() => setAsked("wipe")}>{t("settings.wipe")}</Button></Buttons>
      </Section>
      <AskedDialog asked={asked} onClose={() => setAsked("none")} />
    </>
  );
}

function LockSection({ onAsk }: { readonly onAsk: (asked: Asked) => void }) {
  const { t } = useTranslation();
  const formats = useFormats();
  const state = useReadable(appLock.state);
  const describe = (minutes: number | null): string => (minutes === null ? t("settings.lock_after_never") : minutes === 0 ? t("settings.lock_after_hidden") : formats.duration(minutes * 60));
  if (!state.isSet) {
    return <Section title={t("settings.lock_title")} text={t("settings.lock_text")}><Buttons><Button icon={LockKeyhole} variant="primary" onClick={() => onAsk("set")}>{t("settings.pin_set")}</Button></Buttons></Section>;
  }
  return (
    <Section title={t("settings.lock_title")} text={t("settings.lock_text")}>
      <Select title={t("settings.lock_after")} hint={t("settings.lock_after_hint")} value={String(state.afterMinutes)} options={LOCK_CHOICES_MINUTES.map((minutes) => ({ value: String(minutes), label: describe(minutes) }))} onChange={(value) => appLock.setAfterMinutes(value === "null" ? null : Number(value))} />
      <Buttons>
        <Button icon={LockKeyhole} variant="primary" onClick={() => appLock.lock()}>{t("settings.lock_now")}</Button>
        <Button onClick={() => onAsk("change")}>{t("settings.pin_change")}</Button>
        <Button icon={LockKeyholeOpen} onClick={() => onAsk("remove")}>{t("settings.pin_remove")}</Button>
      </Buttons>
    </Section>
  );
}

function ChatsSection({ onAsk }: { readonly onAsk: (asked: Asked) => void }) {
  const { t } = useTranslation();
  const engine = useEngine();
  const chats = useReadable(engine.chats);
  const isRevealed = useReadable(appLock.revealed);
  const locked = useReadable(appLock.chats)[engine.userId] ?? [];
  const [chosen, setChosen] = useState("");
  const shown = chats.filter(({ roomId }) => locked.includes(roomId));
  const others = chats.filter(({ roomId, membership }) => membership === "join" && !locked.includes(roomId));
  return (
    <Section title={t("settings.private_title")} text={t("settings.private_text")}>
      {locked.length > 0 && (
        <Buttons>
          {isRevealed ? <Button icon={EyeOff} onClick={() => appLock.hide()}>{t("settings.private_hide")}</Button> : <Button icon={Eye} onClick={() => onAsk("reveal")}>{t("settings.private_show", { count: locked.length })}</Button>}
        </Buttons>
      )}
      {isRevealed && <List>{shown.map((chat) => <Item key={chat.roomId} name={chat.name} picture={<Avatar id={chat.roomId} name={chat.name} {...(chat.avatar ? { source: chat.avatar } : {})} size={36} />} actions={<Button onClick={() => appLock.setChatLocked(engine.userId, chat.roomId, false)}>{t("settings.private_remove")}</Button>} />)}</List>}
      {others.length > 0 && (
        <div className={css.form}>
          <label htmlFor="lock-chat">{t("settings.private_choose")}</label>
          <select id="lock-chat" className={css.select} value={chosen} onChange={(event) => setChosen(event.target.value)}>
            <option value="">{t("settings.private_nothing")}</option>
            {others.map((chat) => <option key={chat.roomId} value={chat.roomId}>{chat.name}</option>)}
          </select>
          <Buttons><Button icon={LockKeyhole} disabled={chosen === ""} onClick={() => { appLock.setChatLocked(engine.userId, chosen, true); setChosen(""); }}>{t("settings.private_add")}</Button></Buttons>
        </div>
      )}
    </Section>
  );
}

function AskedDialog({ asked, onClose }: { readonly asked: Asked; readonly onClose: () => void }) {
  const { t } = useTranslation();
  const [isProven, setIsProven] = useState(false);
  const close = (): void => {
    setIsProven(false);
    onClose();
  };
  if (asked === "none") return null;
  if (asked === "wipe") {
    return (
      <Dialog open onOpenChange={close} title={t("settings.wipe_title")} description={t("settings.wipe_confirm")} size="s" footer={<>
        <Button variant="quiet" onClick={close}>{t("ui.cancel")}</Button>
        <Button variant="danger" onClick={panicWipe}>{t("settings.wipe_now")}</Button>
      </>} />
    );
  }
  const titles = { set: t("settings.pin_set"), change: t("settings.pin_change"), remove: t("settings.pin_remove"), panic: t("settings.panic_pin"), "panic-remove": t("settings.panic_pin_remove"), reveal: t("settings.private_title") };
  const prove = (): void => {
    if (asked === "remove") appLock.removePin();
    if (asked === "panic-remove") void appLock.setPanicPin("");
    if (asked === "change" || asked === "panic") setIsProven(true);
    else close();
  };
  const needsProof = asked !== "set" && !isProven;
  return (
    <Dialog open onOpenChange={close} title={titles[asked]} size="s">
      {needsProof
        ? <PinForm confirm={t("settings.pin_continue")} attempt={(pin) => (asked === "reveal" ? appLock.reveal(pin) : appLock.check(pin))} onRight={prove} />
        : <NewPinForm isPanic={asked === "panic"} onDone={close} />}
    </Dialog>
  );
}
