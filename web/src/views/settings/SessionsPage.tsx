import { useCallback, useEffect, useState } from "react";
import { LogOut, Pencil, ShieldAlert, ShieldCheck } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import type { Device } from "@/domain/account_settings";
import { ProblemNote, toProblem } from "@/views/arrive/ProblemNote";
import type { Problem } from "@/domain/problem";
import { useSubmit } from "@/views/arrive/use_submit";
import { Button } from "../common/Button";
import { Dialog } from "../common/Dialog";
import { useFormats } from "../common/locale";
import { TextField } from "../common/TextField";
import { showToast } from "../common/Toasts";
import { Waiting } from "../common/Waiting";
import { LinkDevice } from "./LinkDevice";
import { Buttons, Item, List, PasswordDialog, Section } from "./parts";
import css from "./settings.module.css";
import { useChange } from "./use_change";
import { useNow } from "./use_now";

const NAME_LENGTH_MAX = 100;

export default function SessionsPage() {
  const { t } = useTranslation();
  const { devices: api } = useEngine();
  const [devices, setDevices] = useState<readonly Device[]>();
  const [problem, setProblem] = useState<Problem | null>(null);
  const [ending, setEnding] = useState<readonly Device[]>([]);
  const load = useCallback(async () => {
    try {
      setDevices(await api.list());
      setProblem(null);
    } catch (error) {
      setProblem(toProblem(error));
    }
  }, [api]);
  useEffect(() => void load(), [load]);
  if (devices === undefined) {
    return problem === null ? <Waiting sentence={t("settings.sessions_loading")} /> : <><ProblemNote problem={problem} /><Buttons><Button variant="primary" onClick={() => void load()}>{t("ui.retry")}</Button></Buttons></>;
  }
  const own = devices.filter(({ current }) => current);
  const others = devices.filter(({ current }) => !current).sort((one, other) => (other.lastSeenAt ?? 0) - (one.lastSeenAt ?? 0));
  return (
    <>
      <LinkDevice onLinked={load} />
      <Section title={t("settings.session_this")}><List>{own.map((device) => <DeviceItem key={device.deviceId} device={device} onChanged={load} />)}</List></Section>
      <Section title={t("settings.sessions_others")} text={others.length === 0 ? t("settings.sessions_none") : t("settings.sessions_text")}>
        <List>{others.map((device) => <DeviceItem key={device.deviceId} device={device} onChanged={load} onEnd={() => setEnding([device])} />)}</List>
        {others.length > 1 && <Buttons><Button variant="danger" icon={LogOut} onClick={() => setEnding(others)}>{t("settings.sessions_end_all")}</Button></Buttons>}
      </Section>
      {ending.length > 0 && (
        <PasswordDialog
          title={ending.length === 1 ? t("settings.session_end_title") : t("settings.sessions_end_title")}
          description={ending.length === 1 ? t("settings.session_end_text", { name: ending[0]?.name }) : t("settings.sessions_end_text", { count: ending.length })}
          confirm={t("settings.session_end")}
          busy={t("settings.working")}
          danger
          onConfirm={async (password) => {
            await api.logOut(ending.map(({ deviceId }) => deviceId), password);
            showToast({ text: t("settings.session_ended") });
            await load();
          }}
          onClose={() => setEnding([])}
        />
      )}
    </>
  );
}

function DeviceItem({ device, onChanged, onEnd }: { readonly device: Device; readonly onChanged: () => Promise<void>; readonly onEnd?: () => void }) {
  const { t } = useTranslation();
  const formats = useFormats();
  const engine = useEngine();
  const change = useChange();
  const now = useNow();
  const [isRenaming, setIsRenaming] = useState(false);
  const target = device.current ? ("own-devices" as const) : { deviceId: device.deviceId };
  return (
    <Item
      name={device.name}
      picture={device.verified ? <ShieldCheck size={24} className={css.ok} aria-hidden="true" /> : <ShieldAlert size={24} className={css.warn} aria-hidden="true" />}
      actions={<Buttons>
        {!device.verified && <Button icon={ShieldCheck} variant="primary" onClick={() => change.run(() => engine.verify(target))}>{t("settings.session_verify")}</Button>}
        <Button icon={Pencil} onClick={() => setIsRenaming(true)} aria-label={t("settings.session_rename_one", { name: device.name })}>{t("settings.session_rename")}</Button>
        {onEnd && <Button icon={LogOut} onClick={onEnd} data-end={device.deviceId} aria-label={t("settings.session_end_one", { name: device.name })}>{t("settings.session_end")}</Button>}
      </Buttons>}
    >
      <span className={css.small}>{device.verified ? t("settings.session_verified") : t("settings.session_unverified")}</span>
      {device.lastSeenAt !== undefined && <span className={css.small}>{device.current ? t("settings.session_now") : t("settings.session_seen", { when: formats.ago(device.lastSeenAt, now) })}</span>}
      {device.lastSeenIp !== undefined && <bdi className={css.small} dir="ltr">{device.lastSeenIp}</bdi>}
      <bdi className={css.small} dir="ltr">{device.deviceId}</bdi>
      {isRenaming && <RenameDialog device={device} onClose={() => setIsRenaming(false)} onRenamed={onChanged} />}
    </Item>
  );
}

function RenameDialog({ device, onClose, onRenamed }: { readonly device: Device; readonly onClose: () => void; readonly onRenamed: () => Promise<void> }) {
  const { t } = useTranslation();
  const { devices } = useEngine();
  const [name, setName] = useState(device.name);
  const submit = useSubmit(async () => {
    await devices.rename(device.deviceId, name.trim());
    await onRenamed();
    onClose();
  });
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title={t("settings.session_rename")} size="s" footer={<>
      <Button variant="quiet" onClick={onClose}>{t("ui.cancel")}</Button>
      <Button type="submit" form="rename" variant="primary" disabled={name.trim() === ""} busy={submit.isBusy && t("settings.saving")}>{t("ui.save")}</Button>
    </>}>
      <form id="rename" className={css.form} onSubmit={submit.run} noValidate>
        <TextField label={t("settings.session_name")} hint={t("settings.session_name_hint")} name="device-name" value={name} maxLength={NAME_LENGTH_MAX} autoFocus autoComplete="off" onChange={(event) => setName(event.target.value)} />
        <ProblemNote problem={submit.problem} />
      </form>
    </Dialog>
  );
}
