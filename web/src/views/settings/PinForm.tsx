import { useEffect, useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { appLock, panicWipe } from "@/app/app_lock";
import { isPin, PIN_LENGTH_MAX, type PinAnswer } from "@/domain/app_lock";
import { Banner } from "../common/Banner";
import { Button } from "../common/Button";
import { useFormats } from "../common/locale";
import { TextField } from "../common/TextField";
import { useReadable } from "../use_readable";
import css from "./settings.module.css";

export interface PinFormProps {
  readonly confirm: string;
  readonly attempt: (pin: string) => Promise<PinAnswer>;
  readonly onRight?: () => void;
}

/** Asks for the PIN. The panic PIN wipes wherever it is given. */
export function PinForm({ confirm, attempt, onRight }: PinFormProps) {
  const { t } = useTranslation();
  const formats = useFormats();
  const { waitUntil } = useReadable(appLock.state);
  const [pin, setPin] = useState("");
  const [isBusy, setIsBusy] = useState(false);
  const [isWrong, setIsWrong] = useState(false);
  const [now, setNow] = useState(Date.now);
  const left = Math.max(0, waitUntil - now);
  useEffect(() => {
    if (waitUntil <= Date.now()) return;
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [waitUntil]);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (isBusy || !isPin(pin)) return;
    setIsBusy(true);
    setIsWrong(false);
    void attempt(pin)
      .then((answer) => {
        if (answer === "panic") panicWipe();
        else if (answer === "right") onRight?.();
        else setIsWrong(answer === "wrong");
        setPin("");
        setNow(Date.now());
      })
      .finally(() => setIsBusy(false));
  };
  return (
    <form className={css.lockForm} onSubmit={submit} noValidate>
      <TextField label={t("settings.pin")} name="pin" type="password" inputMode="numeric" value={pin} dir="ltr" autoComplete="off" autoFocus maxLength={PIN_LENGTH_MAX} error={isWrong && left === 0 ? t("settings.pin_wrong") : undefined} onChange={(event) => setPin(event.target.value)} />
      {left > 0 && <Banner tone="warn" rounded announce>{t("settings.pin_wait", { time: formats.clock(left) })}</Banner>}
      <Button type="submit" variant="primary" wide disabled={!isPin(pin) || left > 0} busy={isBusy && t("settings.pin_checking")}>{confirm}</Button>
    </form>
  );
}
