import { useRef, useState } from "react";
import { Camera, Copy, Trash2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useApp } from "@/app/app_context";
import { useEngine } from "@/app/engine_context";
import { NAME_LENGTH_MAX } from "@/domain/bidi";
import { buildLink } from "@/domain/invite_link";
import { STATUS_LENGTH_MAX } from "@/domain/settings";
import { ProblemNote } from "@/views/arrive/ProblemNote";
import { useSubmit } from "@/views/arrive/use_submit";
import { Avatar } from "../common/Avatar";
import { Button } from "../common/Button";
import { Switch } from "../common/Switch";
import { TextField } from "../common/TextField";
import { showToast, useShowProblem } from "../common/Toasts";
import { AvatarCropper } from "../media/AvatarCropper";
import { QrCode } from "../media/qr/QrCode";
import { useReadable } from "../use_readable";
import { Buttons, Section } from "./parts";
import css from "./settings.module.css";
import { useChange } from "./use_change";

export default function ProfilePage() {
  return (
    <>
      <PictureSection />
      <NameSection />
      <IdSection />
    </>
  );
}

function PictureSection() {
  const { t } = useTranslation();
  const { settings, profile: readable } = useEngine();
  const profile = useReadable(readable);
  const picker = useRef<HTMLInputElement>(null);
  const [file, setFile] = useState<File>();
  const change = useChange();
  const set = (picture: Blob | null): void => change.run(async () => {
    await settings.setAvatar(picture);
    showToast({ text: t("settings.saved") });
  });
  return (
    <Section>
      <div className={css.center}>
        <Avatar id={profile.userId} name={profile.name} {...(profile.avatar ? { source: profile.avatar } : {})} size={112} />
        <Buttons>
          <Button icon={Camera} busy={change.isBusy && t("settings.saving")} onClick={() => picker.current?.click()}>{profile.avatar ? t("settings.picture_change") : t("settings.picture_add")}</Button>
          {profile.avatar && <Button icon={Trash2} variant="quiet" onClick={() => set(null)}>{t("settings.picture_remove")}</Button>}
        </Buttons>
        <input ref={picker} name="picture" type="file" accept="image/*" hidden onChange={(event) => { setFile(event.target.files?.[0]); event.target.value = ""; }} />
        {file && <AvatarCropper file={file} onCropped={set} onClose={() => setFile(undefined)} />}
      </div>
    </Section>
  );
}

function NameSection() {
  const { t } = useTranslation();
  const { settings, own, profile: readable } = useEngine();
  const profile = useReadable(readable);
  const about = useReadable(own.about);
  const [name, setName] = useState<string>();
  const [status, setStatus] = useState<string>();
  const change = useChange();
  const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  const submit = useSubmit(async () => {
    if (name !== undefined && name.trim() !== profile.name) await settings.setName(name.trim());
    if (status !== undefined && status.trim() !== about.status) await own.setAbout({ status: status.trim() });
    setName(undefined);
    setStatus(undefined);
    showToast({ text: t("settings.saved") });
  });
  return (
    <Section>
      <form className={css.form} onSubmit={submit.run} noValidate>
        <TextField label={t("settings.name")} hint={t("settings.name_hint")} name="display-name" value={name ?? profile.name} maxLength={NAME_LENGTH_MAX} autoComplete="off" onChange={(event) => setName(event.target.value)} />
        <TextField label={t("settings.status")} hint={t("settings.status_hint")} name="status" value={status ?? about.status} maxLength={STATUS_LENGTH_MAX} autoComplete="off" onChange={(event) => setStatus(event.target.value)} />
        <ProblemNote problem={submit.problem} />
        <Buttons><Button type="submit" variant="primary" disabled={name === undefined && status === undefined} busy={submit.isBusy && t("settings.saving")}>{t("ui.save")}</Button></Buttons>
      </form>
      <Switch label={t("settings.time_zone")} hint={t("settings.time_zone_hint", { zone })} checked={about.timeZone !== ""} disabled={change.isBusy} onCheckedChange={(on) => change.run(() => own.setAbout({ timeZone: on ? zone : "" }))} />
    </Section>
  );
}

function IdSection() {
  const { t } = useTranslation();
  const { userId } = useEngine();
  const { copyText } = useApp();
  const showProblem = useShowProblem();
  const link = buildLink(location.origin, { kind: "user", userId });
  const copy = (text: string): void => void copyText(text).then(() => showToast({ text: t("settings.copied") }), showProblem);
  return (
    <Section title={t("settings.id_title")} text={t("settings.id_text")}>
      <div className={css.center}>
        <QrCode value={link} label={t("settings.id_qr")} />
        <bdi className={css.id} dir="ltr">{userId}</bdi>
        <Buttons>
          <Button icon={Copy} onClick={() => copy(userId)}>{t("settings.id_copy")}</Button>
          <Button icon={Copy} onClick={() => copy(link)}>{t("settings.link_copy")}</Button>
        </Buttons>
      </div>
    </Section>
  );
}
