import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import { localpart } from "@/domain/matrix_id";
import { ratePassword } from "@/domain/password_strength";
import { Problem } from "@/domain/problem";
import { PasswordField } from "@/views/arrive/PasswordField";
import { ProblemNote } from "@/views/arrive/ProblemNote";
import { useSubmit } from "@/views/arrive/use_submit";
import { Button } from "../common/Button";
import { Switch } from "../common/Switch";
import { TextField } from "../common/TextField";
import { showToast } from "../common/Toasts";
import { Buttons, OwnUsername, Section } from "./parts";
import css from "./settings.module.css";

const TOO_EASY: ReadonlySet<string> = new Set(["too-short", "common", "weak"]);

export default function PasswordPage() {
  const { t } = useTranslation();
  const { own, userId } = useEngine();
  const [before, setBefore] = useState("");
  const [after, setAfter] = useState("");
  const [endsOthers, setEndsOthers] = useState(true);
  const ownWords = [localpart(userId)];
  const submit = useSubmit(async () => {
    if (TOO_EASY.has(ratePassword(after, ownWords))) throw new Problem("passwordWeak");
    await own.changePassword(before, after, endsOthers);
    setBefore("");
    setAfter("");
    showToast({ text: t("settings.password_changed") });
  });
  return (
    <Section text={t("settings.password_text")}>
      <form className={css.form} onSubmit={submit.run} noValidate>
        <OwnUsername />
        <TextField label={t("settings.password_now")} name="current-password" type="password" autoComplete="current-password" dir="ltr" value={before} maxLength={512} onChange={(event) => setBefore(event.target.value)} />
        <PasswordField label={t("settings.password_new")} isNew ownWords={ownWords} value={after} onChange={setAfter} />
        <Switch label={t("settings.password_others")} hint={t("settings.password_others_hint")} checked={endsOthers} onCheckedChange={setEndsOthers} />
        <ProblemNote problem={submit.problem} />
        <Buttons><Button type="submit" variant="primary" disabled={before === "" || after === ""} busy={submit.isBusy && t("settings.saving")}>{t("settings.password_change")}</Button></Buttons>
      </form>
    </Section>
  );
}
