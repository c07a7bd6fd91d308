import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useApp } from "@/app/app_context";
import { Button } from "@/views/common/Button";
import { TextField } from "@/views/common/TextField";
import css from "./ArriveForm.module.css";
import { PasswordField } from "./PasswordField";
import { ProblemNote } from "./ProblemNote";
import { readLoginToken } from "./read_login_token";
import { useSubmit } from "./use_submit";

interface LogInProps {
  /** Known from where one comes from, for example a reset password. */
  readonly userId: string;
  readonly onSignUp: () => void;
  readonly onDone: () => void;
}

export function LogIn({ userId, onSignUp, onDone }: LogInProps) {
  const { t } = useTranslation();
  const { arrival, model } = useApp();
  const [user, setUser] = useState(userId);
  const [password, setPassword] = useState("");
  const [link, setLink] = useState("");
  const submit = useSubmit(async () => {
    await model.add(await arrival.logIn(user, password), "restore");
    onDone();
  });
  const submitLink = useSubmit(async () => {
    await model.add(await arrival.logInWithToken(readLoginToken(link)), "restore");
    onDone();
  });
  return (
    <div className={css.form}>
      <form className={css.form} onSubmit={submit.run} noValidate>
        <div className={css.heading}>
          <h1 className={css.title}>{t("arrive.logInTitle")}</h1>
        </div>
        <TextField label={t("arrive.user")} name="username" value={user} onChange={(event) => setUser(event.target.value)} autoComplete="username" autoCapitalize="none" spellCheck={false} maxLength={255} dir="ltr" autoFocus={userId === ""} required />
        <PasswordField label={t("arrive.password")} value={password} onChange={setPassword} autoFocus={userId !== ""} />
        <ProblemNote problem={submit.problem} />
        <Button type="submit" variant="primary" wide busy={submit.isBusy && t("arrive.loggingIn")}>{t("arrive.logIn")}</Button>
      </form>
      <p className={css.swap}>
        <span>{t("arrive.noAccount")}</span>
        <button type="button" className={css.link} onClick={onSignUp}>{t("arrive.signUpInstead")}</button>
      </p>
      <details className={css.details}>
        <summary>{t("arrive.otherWays")}</summary>
        <div>
          <p>{t("arrive.linkIntro")}</p>
          <form className={css.form} onSubmit={submitLink.run} noValidate>
            <TextField label={t("arrive.linkLabel")} name="login-link" value={link} onChange={(event) => setLink(event.target.value)} autoComplete="off" spellCheck={false} maxLength={2000} dir="ltr" />
            <ProblemNote problem={submitLink.problem} />
            <Button type="submit" wide busy={submitLink.isBusy && t("arrive.loggingIn")}>{t("arrive.logInWithLink")}</Button>
          </form>
          <p>{t("arrive.forgotten")}</p>
        </div>
      </details>
    </div>
  );
}
