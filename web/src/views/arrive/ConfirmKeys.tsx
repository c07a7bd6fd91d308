import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/views/common/Button";
import css from "./ArriveForm.module.css";
import { PasswordField } from "./PasswordField";
import { ProblemNote } from "./ProblemNote";
import { useSubmit } from "./use_submit";

interface ConfirmKeysProps {
  readonly userId: string;
  readonly setUp: (password: string) => Promise<void>;
  readonly onLater: () => void;
}

/** The server takes the account's keys from its owner only: asked where it wants the password once more. */
export function ConfirmKeys({ userId, setUp, onLater }: ConfirmKeysProps) {
  const { t } = useTranslation();
  const [password, setPassword] = useState("");
  const submit = useSubmit(() => setUp(password));
  return (
    <form className={css.form} onSubmit={submit.run} noValidate data-confirm-keys>
      <div className={css.heading}>
        <h1 className={css.title}>{t("arrive.keyConfirmTitle")}</h1>
        <p className={css.intro}>{t("arrive.keyConfirm")}</p>
      </div>
      <input type="text" autoComplete="username" value={userId} readOnly hidden />
      <PasswordField label={t("arrive.password")} value={password} onChange={setPassword} autoFocus />
      <ProblemNote problem={submit.problem} />
      <Button type="submit" variant="primary" wide disabled={password === ""} busy={submit.isBusy && t("arrive.keyMaking")}>{t("arrive.keyConfirmButton")}</Button>
      <Button wide onClick={onLater}>{t("arrive.keyLater")}</Button>
    </form>
  );
}
