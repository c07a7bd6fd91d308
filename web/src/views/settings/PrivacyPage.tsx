import { UserX } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import type { Privacy } from "@/domain/account_settings";
import { DISAPPEAR_CHOICES_S, nearestChoice } from "@/domain/disappearing";
import { localpart } from "@/domain/matrix_id";
import { Avatar } from "../common/Avatar";
import { Button } from "../common/Button";
import { useFormats } from "../common/locale";
import { Switch } from "../common/Switch";
import { useReadable } from "../use_readable";
import { Choices, Item, List, Section, Select } from "./parts";
import css from "./settings.module.css";
import { useChange } from "./use_change";

export default function PrivacyPage() {
  return (
    <>
      <SeenSection />
      <ContactSection />
      <DisappearSection />
      <BlockedSection />
    </>
  );
}

function SeenSection() {
  const { t } = useTranslation();
  const { settings, own } = useEngine();
  const privacy = useReadable(settings.privacy);
  const showsTyping = useReadable(own.privacy.showsTyping);
  const change = useChange();
  const set = (part: Partial<Privacy>): void => change.run(() => settings.setPrivacy({ ...privacy, ...part }));
  const audiences = (["everyone", "contacts", "nobody"] as const).map((value) => ({ value, label: t(`settings.last_seen_${value}`) }));
  return (
    <Section title={t("settings.seen_title")}>
      <Choices title={t("settings.last_seen")} hint={t("settings.last_seen_hint")} value={privacy.lastSeen} options={audiences} disabled={change.isBusy} onChange={(lastSeen) => set({ lastSeen })} />
      <Switch label={t("settings.read_receipts")} hint={t("settings.read_receipts_hint")} checked={privacy.readReceipts} disabled={change.isBusy} onCheckedChange={(readReceipts) => set({ readReceipts })} />
      <Switch label={t("settings.delivered")} hint={t("settings.delivered_hint")} checked={privacy.delivered} disabled={change.isBusy} onCheckedChange={(delivered) => set({ delivered })} />
      <Switch label={t("settings.typing")} hint={t("settings.typing_hint")} checked={showsTyping} disabled={change.isBusy} onCheckedChange={(shows) => change.run(() => own.privacy.setShowsTyping(shows))} />
    </Section>
  );
}

function ContactSection() {
  const { t } = useTranslation();
  const { privacy } = useEngine().own;
  const takesInvites = useReadable(privacy.takesInvites);
  const change = useChange();
  return (
    <Section title={t("settings.contact_title")}>
      <Choices
        title={t("settings.contact_who")}
        hint={t("settings.contact_hint")}
        value={takesInvites ? "requests" : "nobody"}
        options={[{ value: "requests", label: t("settings.contact_requests") }, { value: "nobody", label: t("settings.contact_nobody") }]}
        disabled={change.isBusy}
        onChange={(value) => change.run(() => privacy.setTakesInvites(value === "requests"))}
      />
    </Section>
  );
}

function DisappearSection() {
  const { t } = useTranslation();
  const formats = useFormats();
  const { settings } = useEngine();
  const seconds = useReadable(settings.disappearAfterS);
  const change = useChange();
  return (
    <Section title={t("settings.disappear_title")}>
      <Select
        title={t("settings.disappear")}
        hint={t("settings.disappear_hint")}
        value={String(nearestChoice(seconds))}
        options={DISAPPEAR_CHOICES_S.map((choice) => ({ value: String(choice), label: choice === 0 ? t("settings.disappear_off") : formats.duration(choice) }))}
        onChange={(value) => change.run(() => settings.setDisappearAfter(Number(value)))}
      />
    </Section>
  );
}

function BlockedSection() {
  const { t } = useTranslation();
  const engine = useEngine();
  const blocked = useReadable(engine.blocked);
  const change = useChange();
  return (
    <Section title={t("settings.blocked_title")} text={t("settings.blocked_text")}>
      {blocked.length === 0 ? <p className={css.small}>{t("settings.blocked_none")}</p> : (
        <List>
          {blocked.map((userId) => (
            <Item key={userId} name={localpart(userId)} picture={<Avatar id={userId} name={localpart(userId)} size={36} />} actions={<Button icon={UserX} busy={change.isBusy && t("settings.saving")} onClick={() => change.run(() => engine.setBlocked(userId, false))}>{t("settings.unblock")}</Button>}>
              <bdi className={css.small} dir="ltr">{userId}</bdi>
            </Item>
          ))}
        </List>
      )}
    </Section>
  );
}
