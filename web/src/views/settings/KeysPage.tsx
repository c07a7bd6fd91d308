import { useCallback, useId, useRef, useState } from "react";
import { FileDown, FileUp, KeyRound, RotateCcw, SearchCheck } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useApp } from "@/app/app_context";
import { useEngine } from "@/app/engine_context";
import { localpart } from "@/domain/matrix_id";
import { readRecoveryKey } from "@/views/arrive/recovery_key_file";
import { ProblemNote } from "@/views/arrive/ProblemNote";
import { RestoreKeys } from "@/views/arrive/RestoreKeys";
import { SaveRecoveryKey } from "@/views/arrive/SaveRecoveryKey";
import { useSubmit } from "@/views/arrive/use_submit";
import { Banner } from "../common/Banner";
import { Button } from "../common/Button";
import { ConfirmDialog, Dialog } from "../common/Dialog";
import { TextField } from "../common/TextField";
import { showToast } from "../common/Toasts";
import { useReadable } from "../use_readable";
import { Buttons, PasswordDialog, Section } from "./parts";
import css from "./settings.module.css";

const KEY_FILE_BYTES_MAX = 200_000_000;
const PASSPHRASE_LENGTH_MAX = 512;
const PASSPHRASE_LENGTH_MIN = 8;

export default function KeysPage() {
  return (
    <>
      <StateSection />
      <RecoverySection />
      <FileSection />
      <ResetSection />
    </>
  );
}

function StateSection() {
  const { t } = useTranslation();
  const { keys } = useEngine();
  const state = useReadable(keys.state);
  const backup = useReadable(keys.backup);
  const [isRestoring, setIsRestoring] = useState(false);
  const [isConfirming, setIsConfirming] = useState(false);
  const tone = state.state === "ready" ? "ok" : state.state === "loading" ? "info" : "warn";
  const { restored } = backup;
  return (
    <Section title={t("settings.keys_state")}>
      <Banner tone={tone} rounded>{t(`settings.keys_state_${state.state.replace("-", "_")}`)}</Banner>
      {state.state === "needs-recovery" && <Buttons><Button variant="primary" icon={KeyRound} onClick={() => setIsRestoring(true)}>{t("settings.keys_restore")}</Button></Buttons>}
      {state.state === "needs-password" && <Buttons><Button variant="primary" icon={KeyRound} onClick={() => setIsConfirming(true)}>{t("arrive.keyConfirmButton")}</Button></Buttons>}
      {state.state === "ready" && <p className={css.text}>{backup.uploadsLeft > 0 ? t("settings.backup_left", { count: backup.uploadsLeft }) : t("settings.backup_done")}</p>}
      {restored && (
        <div role="status">
          <progress className={css.progress} value={restored.done} max={Math.max(1, restored.total)} aria-label={t("settings.backup_restoring")} />
          <p className={css.small}>{t("settings.backup_restoring")}</p>
        </div>
      )}
      {isConfirming && <PasswordDialog title={t("arrive.keyConfirmTitle")} description={t("arrive.keyConfirm")} confirm={t("arrive.keyConfirmButton")} busy={t("settings.working")} onConfirm={(password) => keys.setUp(password)} onClose={() => setIsConfirming(false)} />}
      {isRestoring && (
        <Dialog open onOpenChange={setIsRestoring} title={t("settings.keys_restore")} size="m">
          <RestoreKeys restore={async (key) => void (await keys.restore(key))} onDone={() => setIsRestoring(false)} />
        </Dialog>
      )}
    </Section>
  );
}

function RecoverySection() {
  const { t } = useTranslation();
  const { keys, own, userId } = useEngine();
  const state = useReadable(keys.state);
  const [step, setStep] = useState<"none" | "sure" | "making" | "leaving" | "checking">("none");
  // The same function each time: a new one would make one more key.
  const create = useCallback(() => keys.createRecoveryKey(), [keys]);
  const isReady = state.state === "ready";
  const isUsable = isReady || state.state === "no-recovery" || state.state === "no-backup";
  return (
    <Section title={t("settings.recovery_title")} text={t("settings.recovery_text")}>
      <Buttons>
        {isReady && <Button icon={SearchCheck} onClick={() => setStep("checking")}>{t("settings.recovery_check")}</Button>}
        <Button icon={KeyRound} variant={isReady ? "secondary" : "primary"} disabled={!isUsable} onClick={() => setStep(state.state === "no-recovery" ? "making" : "sure")}>{t("settings.recovery_new")}</Button>
      </Buttons>
      <ConfirmDialog open={step === "sure"} onOpenChange={(open) => !open && setStep((now) => (now === "sure" ? "none" : now))} title={t("settings.recovery_new")} description={t("settings.recovery_new_text")} confirm={t("settings.recovery_make")} onConfirm={() => setStep("making")} />
      {(step === "making" || step === "leaving") && (
        <Dialog open onOpenChange={() => setStep("leaving")} title={t("settings.recovery_title")} size="m">
          <SaveRecoveryKey userId={userId} create={create} onDone={() => setStep("none")} />
        </Dialog>
      )}
      <ConfirmDialog open={step === "leaving"} onOpenChange={(open) => !open && setStep((now) => (now === "leaving" ? "making" : now))} title={t("settings.recovery_unsaved")} description={t("settings.recovery_unsaved_text")} confirm={t("settings.recovery_leave")} danger onConfirm={() => setStep("none")} />
      {step === "checking" && <CheckDialog check={own.checkRecoveryKey} onClose={() => setStep("none")} />}
    </Section>
  );
}

function CheckDialog({ check, onClose }: { readonly check: (key: string) => Promise<boolean>; readonly onClose: () => void }) {
  const { t } = useTranslation();
  const [key, setKey] = useState("");
  const [answer, setAnswer] = useState<boolean>();
  const submit = useSubmit(async () => setAnswer(await check(readRecoveryKey(key))));
  return (
    <Dialog open onOpenChange={onClose} title={t("settings.recovery_check")} description={t("settings.recovery_check_text")} size="s" footer={<>
      <Button variant="quiet" onClick={onClose}>{t("ui.close")}</Button>
      <Button type="submit" form="check-key" variant="primary" disabled={key.trim() === ""} busy={submit.isBusy && t("settings.working")}>{t("settings.recovery_check_now")}</Button>
    </>}>
      <form id="check-key" className={css.form} onSubmit={submit.run} noValidate>
        <TextField label={t("arrive.recoveryKey")} name="check-recovery-key" value={key} dir="ltr" autoComplete="off" autoCapitalize="none" spellCheck={false} maxLength={10_000} autoFocus onChange={(event) => { setKey(event.target.value); setAnswer(undefined); }} />
        {answer !== undefined && <Banner tone={answer ? "ok" : "danger"} rounded announce>{answer ? t("settings.recovery_right") : t("settings.recovery_wrong")}</Banner>}
        <ProblemNote problem={submit.problem} />
      </form>
    </Dialog>
  );
}

function FileSection() {
  const { t } = useTranslation();
  const { saveFile } = useApp();
  const { keys, userId } = useEngine();
  const picker = useRef<HTMLInputElement>(null);
  const [isExporting, setIsExporting] = useState(false);
  const [file, setFile] = useState<File>();
  const save = async (passphrase: string): Promise<void> => {
    const text = await keys.exportKeys(passphrase);
    saveFile(`zajil-keys-${localpart(userId).replace(/[^\w.-]/gu, "-")}.txt`, new Blob([text], { type: "text/plain" }));
  };
  const read = async (passphrase: string): Promise<void> => {
    if (file !== undefined && file.size <= KEY_FILE_BYTES_MAX) await keys.importKeys(await file.text(), passphrase);
    showToast({ text: t("settings.keys_imported") });
  };
  return (
    <Section title={t("settings.key_file_title")} text={t("settings.key_file_text")}>
      <Buttons>
        <Button icon={FileDown} onClick={() => setIsExporting(true)}>{t("settings.key_file_export")}</Button>
        <Button icon={FileUp} onClick={() => picker.current?.click()}>{t("settings.key_file_import")}</Button>
      </Buttons>
      <input ref={picker} name="key-file" type="file" accept=".txt,text/plain" hidden onChange={(event) => { setFile(event.target.files?.[0]); event.target.value = ""; }} />
      {isExporting && <PassphraseDialog title={t("settings.key_file_export")} text={t("settings.key_file_export_text")} confirm={t("ui.save")} lengthMin={PASSPHRASE_LENGTH_MIN} run={save} onClose={() => setIsExporting(false)} />}
      {file && <PassphraseDialog title={t("settings.key_file_import")} text={t("settings.key_file_import_text")} confirm={t("settings.key_file_read")} lengthMin={1} run={read} onClose={() => setFile(undefined)} />}
    </Section>
  );
}

interface PassphraseDialogProps {
  readonly title: string;
  readonly text: string;
  readonly confirm: string;
  readonly lengthMin: number;
  readonly run: (passphrase: string) => Promise<void>;
  readonly onClose: () => void;
}

function PassphraseDialog({ title, text, confirm, lengthMin, run, onClose }: PassphraseDialogProps) {
  const { t } = useTranslation();
  const form = useId();
  const [passphrase, setPassphrase] = useState("");
  const submit = useSubmit(async () => {
    await run(passphrase);
    onClose();
  });
  return (
    <Dialog open onOpenChange={onClose} title={title} description={text} size="s" footer={<>
      <Button variant="quiet" onClick={onClose}>{t("ui.cancel")}</Button>
      <Button type="submit" form={form} variant="primary" disabled={passphrase.length < lengthMin} busy={submit.isBusy && t("settings.working")}>{confirm}</Button>
    </>}>
      <form id={form} className={css.form} onSubmit={submit.run} noValidate>
        <TextField label={t("settings.passphrase")} name="passphrase" type="password" value={passphrase} dir="ltr" autoComplete="off" maxLength={PASSPHRASE_LENGTH_MAX} autoFocus onChange={(event) => setPassphrase(event.target.value)} />
        <ProblemNote problem={submit.problem} />
      </form>
    </Dialog>
  );
}

function ResetSection() {
  const { t } = useTranslation();
  const { keys } = useEngine();
  const [isAsking, setIsAsking] = useState(false);
  return (
    <Section title={t("settings.reset_title")} text={t("settings.reset_text")}>
      <Buttons><Button icon={RotateCcw} variant="danger" onClick={() => setIsAsking(true)}>{t("settings.reset")}</Button></Buttons>
      {isAsking && (
        <PasswordDialog
          title={t("settings.reset_title")}
          description={<ul className={css.plain}><li>{t("settings.reset_lost")}</li><li>{t("settings.reset_contacts")}</li><li>{t("settings.reset_devices")}</li></ul>}
          confirm={t("settings.reset")}
          busy={t("settings.working")}
          danger
          onConfirm={async (password) => {
            await keys.reset(password);
            showToast({ text: t("settings.reset_done") });
          }}
          onClose={() => setIsAsking(false)}
        />
      )}
    </Section>
  );
}
