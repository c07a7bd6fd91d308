import { useState } from "react";
import { useTranslation } from "react-i18next";
import { appLock } from "@/app/app_lock";
import { isPin, normalisePin, PIN_LENGTH_MAX, PIN_LENGTH_MIN } from "@/domain/app_lock";
import { Problem } from "@/domain/problem";
import { ProblemNote } from "@/views/arrive/ProblemNote";
import { useSubmit } from "@/views/arrive/use_submit";
import { Banner } from "../common/Banner";
import { Button } from "../common/Button";
import { TextField } from "../common/TextField";
import { showToast } from "../common/Toasts";
import css from "./settings.module.css";

/** Chooses the PIN of this device, or the one that wipes it. */
export function NewPinForm({ isPanic = false, onDone }: { readonly isPanic?: boolean; readonly onDone: () => void }) {
  const { t } = useTranslation();
  const [pin, setPin] = useState("");
  const [again, setAgain] = useState("");
  const submit = useSubmit(async () => {
    if (normalisePin(pin) !== normalisePin(again)) throw new Problem("pin_different");
    if (!isPanic) await appLock.setPin(pin);
    else if (!(await appLock.setPanicPin(pin))) throw new Problem("pin_same");
    showToast({ text: isPanic ? t("settings.panic_pin_saved") : t("settings.pin_saved") });
    onDone();
  });
  const field = { type: "password", inputMode: "numeric", dir: "ltr", autoComplete: "off", maxLength: PIN_LENGTH_MAX } as const;
  return (
    <form className={css.form} onSubmit={submit.run} noValidate>
      <Banner tone={isPanic ? "danger" : "warn"} rounded>{isPanic ? t("settings.panic_pin_warning") : t("settings.pin_warning")}</Banner>
      <TextField {...field} label={t("settings.pin_new")} hint={t("settings.pin_hint", { min: PIN_LENGTH_MIN, max: PIN_LENGTH_MAX })} name="new-pin" value={pin} autoFocus onChange={(event) => setPin(event.target.value)} />
      <TextField {...field} label={t("settings.pin_again")} name="new-pin-again" value={again} onChange={(event) => setAgain(event.target.value)} />
      <ProblemNote problem={submit.problem} />
      <Button type="submit" variant="primary" wide disabled={!isPin(pin) || again === ""} busy={submit.isBusy && t("settings.saving")}>{t("ui.save")}</Button>
    </form>
  );
}
