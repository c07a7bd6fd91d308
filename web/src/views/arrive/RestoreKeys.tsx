import { useRef, useState } from "react";
import { FileKey, ShieldCheck } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Button } from "@/views/common/Button";
import { ConfirmDialog } from "@/views/common/Dialog";
import { TextField } from "@/views/common/TextField";
import css from "./ArriveForm.module.css";
import { ProblemNote } from "./ProblemNote";
import { readRecoveryKey } from "./recovery_key_file";
import { useSubmit } from "./use_submit";

const FILE_BYTES_MAX = 10_000;

interface RestoreKeysProps {
  readonly restore: (recoveryKey: string) => Promise<void>;
  /** Absent where no other device of the account could answer. */
  readonly verify?: (() => void) | undefined;
  readonly onDone: () => void;
}

/** After a log-in: gets the keys of older messages, from the recovery key or from another device. */
export function RestoreKeys({ restore, verify, onDone }: RestoreKeysProps) {
  const { t } = useTranslation();
  const [key, setKey] = useState("");
  const [isSkipping, setIsSkipping] = useState(false);
  const file = useRef<HTMLInputElement>(null);
  const submit = useSubmit(async () => {
    await restore(readRecoveryKey(key));
    onDone();
  });
  const readFile = async (chosen: File | undefined): Promise<void> => {
    if (chosen !== undefined && chosen.size <= FILE_BYTES_MAX) setKey(readRecoveryKey(await chosen.text()));
  };
  return (
    <form className={css.form} onSubmit={submit.run} noValidate>
      <div className={css.heading}>
        <h1 className={css.title}>{t("arrive.restoreTitle")}</h1>
        <p className={css.intro}>{t("arrive.restoreIntro")}</p>
      </div>
      <TextField label={t("arrive.recoveryKey")} name="recovery-key" value={key} onChange={(event) => setKey(event.target.value)} autoComplete="off" autoCapitalize="none" spellCheck={false} maxLength={FILE_BYTES_MAX} dir="ltr" autoFocus />
      <ProblemNote problem={submit.problem} />
      <Button type="submit" variant="primary" wide disabled={key.trim() === ""} busy={submit.isBusy && t("arrive.restoring")}>{t("arrive.restore")}</Button>
      <input ref={file} type="file" accept=".txt,text/plain" hidden onChange={(event) => void readFile(event.target.files?.[0])} />
      <div className={css.buttons}>
        <Button icon={FileKey} onClick={() => file.current?.click()}>{t("arrive.keyFromFile")}</Button>
        {verify && <Button icon={ShieldCheck} onClick={verify}>{t("arrive.verifyInstead")}</Button>}
      </div>
      <p className={css.swap}><button type="button" className={css.link} onClick={() => setIsSkipping(true)}>{t("arrive.restoreSkip")}</button></p>
      <ConfirmDialog open={isSkipping} onOpenChange={setIsSkipping} title={t("arrive.skipTitle")} description={t("arrive.skipLost")} confirm={t("arrive.restoreSkip")} onConfirm={onDone} />
    </form>
  );
}
