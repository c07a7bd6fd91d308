import { useEffect, useState } from "react";
import { LockKeyhole } from "lucide-react";
import { useTranslation } from "react-i18next";
import { appLock, panicWipe } from "@/app/app_lock";
import { Button } from "../common/Button";
import { ConfirmDialog } from "../common/Dialog";
import { hush } from "../common/LiveRegion";
import { Pigeon } from "../common/Pigeon";
import { PinForm } from "./PinForm";
import css from "./settings.module.css";

/** Stands in place of everything until the PIN is given. */
export default function LockScreen() {
  const { t } = useTranslation();
  const [isForgotten, setIsForgotten] = useState(false);
  useEffect(hush, []);
  return (
    <main className={css.lock} data-locked>
      <Pigeon size={72} />
      <h1 className={css.lockTitle}>{t("settings.locked_title")}</h1>
      <PinForm confirm={t("settings.unlock")} attempt={(pin) => appLock.unlock(pin)} />
      <Button variant="quiet" onClick={() => setIsForgotten(true)}>{t("settings.pin_forgotten")}</Button>
      <ConfirmDialog open={isForgotten} onOpenChange={setIsForgotten} title={t("settings.pin_forgotten")} description={t("settings.pin_forgotten_text")} confirm={t("settings.wipe_now")} danger onConfirm={panicWipe} />
    </main>
  );
}

/** Asked where a chat behind the PIN is opened by its address. */
export function HiddenChat({ onClose }: { readonly onClose: () => void }) {
  const { t } = useTranslation();
  useEffect(hush, []);
  return (
    <main className={css.lock} data-hidden-chat>
      <LockKeyhole size={48} aria-hidden="true" />
      <h1 className={css.lockTitle}>{t("settings.hidden_title")}</h1>
      <PinForm confirm={t("settings.hidden_show")} attempt={(pin) => appLock.reveal(pin)} />
      <Button variant="quiet" onClick={onClose}>{t("ui.back")}</Button>
    </main>
  );
}
