import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useApp } from "@/app/app_context";
import type { RegistrationNeeds } from "@/domain/arrival";
import { Problem } from "@/domain/problem";
import { ratePassword } from "@/domain/password_strength";
import { currentLanguage } from "@/i18n/language";
import { Button } from "@/views/common/Button";
import { TextField } from "@/views/common/TextField";
import css from "./ArriveForm.module.css";
import { PasswordField } from "./PasswordField";
import { ProblemNote } from "./ProblemNote";
import { TermsField } from "./TermsField";
import { useNeeds } from "./use_needs";
import { useSubmit } from "./use_submit";
import { useUsernameCheck } from "./use_username_check";

interface SignUpProps {
  /** From an invitation link. */
  readonly token: string;
  readonly onLogIn: () => void;
  readonly onDone: () => void;
}

/** A token is asked for where the server wants one that the link did not bring, or where the link's did not work. */
function isTokenAsked(needs: RegistrationNeeds | null, linkToken: string, problem: Problem | null): boolean {
  if (problem?.code === "registrationTokenInvalid" || problem?.code === "registrationTokenNeeded") return true;
  return linkToken === "" && needs?.token === "required";
}

export function SignUp({ token: linkToken, onLogIn, onDone }: SignUpProps) {
  const { t } = useTranslation();
  const { arrival, model } = useApp();
  const [isAnonymous, setIsAnonymous] = useState(false);
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [token, setToken] = useState(linkToken);
  const [accepted, setAccepted] = useState<ReadonlySet<string>>(new Set());
  const needs = useNeeds(arrival);
  const check = useUsernameCheck(arrival, isAnonymous ? "" : username);
  const terms = needs.needs?.terms(currentLanguage()) ?? [];
  const name = isAnonymous ? "" : username.trim();

  const submit = useSubmit(async () => {
    if (!isAnonymous && name === "") throw new Problem("usernameMissing");
    if (check === "taken") throw new Problem("usernameTaken");
    const strength = ratePassword(password, [name]);
    if (strength === "too-short" || strength === "common") throw new Problem("passwordWeak");
    const areTermsAccepted = terms.every((each) => accepted.has(each.id));
    if (!areTermsAccepted) throw new Problem("termsNotAccepted");
    await model.add(await arrival.register({ username: name, password, token: token.trim(), areTermsAccepted }), "new");
    onDone();
  });
  const problem = submit.problem ?? needs.problem;

  return (
    <form className={css.form} onSubmit={submit.run} noValidate>
      <div className={css.heading}>
        <h1 className={css.title}>{t("arrive.signUpTitle")}</h1>
        <p className={css.intro}>{t("arrive.signUpIntro")}</p>
      </div>
      {isAnonymous
        ? <p>{t("arrive.anonymousNote")} <button type="button" className={css.inText} onClick={() => setIsAnonymous(false)}>{t("arrive.anonymousUndo")}</button></p>
        : <TextField
            label={t("arrive.username")}
            name="username"
            value={username}
            onChange={(event) => setUsername(event.target.value.toLowerCase())}
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            maxLength={200}
            dir="ltr"
            autoFocus
            required
            error={check === "taken" ? t("arrive.usernameTaken") : check === "invalid" ? t("arrive.usernameInvalid") : undefined}
            hint={check === "free"
              ? <span className={css.ok}>{t("arrive.usernameFree")}</span>
              : <>{t("arrive.usernameHint")} <button type="button" className={css.inText} onClick={() => setIsAnonymous(true)}>{t("arrive.anonymous")}</button></>}
          />}
      <PasswordField label={t("arrive.password")} value={password} onChange={setPassword} isNew ownWords={[name]} autoFocus={isAnonymous} />
      {isTokenAsked(needs.needs, linkToken, submit.problem) && (
        <TextField label={t("arrive.token")} name="token" value={token} onChange={(event) => setToken(event.target.value)} autoComplete="off" spellCheck={false} maxLength={64} dir="ltr" hint={t("arrive.tokenHint")} />
      )}
      <TermsField documents={terms} accepted={accepted} onChange={setAccepted} />
      <ProblemNote problem={problem} />
      <Button type="submit" variant="primary" wide busy={submit.isBusy && t("arrive.signingUp")}>{t("arrive.signUp")}</Button>
      <p className={css.swap}>
        <span>{t("arrive.haveAccount")}</span>
        <button type="button" className={css.link} onClick={onLogIn}>{t("arrive.logIn")}</button>
      </p>
    </form>
  );
}
