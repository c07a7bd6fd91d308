import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useApp } from "@/app/app_context";
import { Problem } from "@/domain/problem";
import { ratePassword } from "@/domain/password_strength";
import { Button } from "@/views/common/Button";
import css from "./ArriveForm.module.css";
import { PasswordField } from "./PasswordField";
import { ProblemNote } from "./ProblemNote";
import { useSubmit } from "./use_submit";

/** Opened by the link of `zajil user reset-link`. */
export function ResetPassword({ token, onLogIn }: { readonly token: string; readonly onLogIn: (userId: string) => void }) {
  const { t } = useTranslation();
  const { arrival } = useApp();
  const [password, setPassword] = useState("");
  const [userId, setUserId] = useState("");
  const submit = useSubmit(async () => {
    const strength = ratePassword(password);
    if (strength === "too-short" || strength === "common") throw new Problem("passwordWeak");
    setUserId(await arrival.resetPassword(token, password));
  });
  if (userId !== "") {
    return (
      <div className={css.form}>
        <div className={css.heading}>
          <h1 className={css.title}>{t("arrive.resetDone")}</h1>
          <p className={css.intro}>{t("arrive.resetDoneIntro")}</p>
          <p><bdi dir="ltr"><strong>{userId}</strong></bdi></p>
        </div>
        <Button variant="primary" wide autoFocus onClick={() => onLogIn(userId)}>{t("arrive.logIn")}</Button>
      </div>
    );
  }
  return (
    <form className={css.form} onSubmit={submit.run} noValidate>
      <div className={css.heading}>
        <h1 className={css.title}>{t("arrive.resetTitle")}</h1>
        <p className={css.intro}>{t("arrive.resetIntro")}</p>
      </div>
      <PasswordField label={t("arrive.newPassword")} value={password} onChange={setPassword} isNew autoFocus />
      <ProblemNote problem={submit.problem} />
      <Button type="submit" variant="primary" wide busy={submit.isBusy && t("arrive.saving")}>{t("arrive.resetSubmit")}</Button>
    </form>
  );
}
