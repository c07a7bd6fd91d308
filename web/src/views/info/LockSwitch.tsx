import { useState } from "react";
import { useTranslation } from "react-i18next";
import { appLock } from "@/app/app_lock";
import { useEngine } from "@/app/engine_context";
import { Dialog } from "../common/Dialog";
import { Switch } from "../common/Switch";
import { showToast } from "../common/Toasts";
import { NewPinForm } from "../settings/NewPinForm";
import { useReadable } from "../use_readable";
import css from "./info.module.css";

/** Puts one chat behind the PIN of this device; where there is none yet, it is chosen first. */
export function LockSwitch({ roomId }: { readonly roomId: string }) {
  const { t } = useTranslation();
  const { userId } = useEngine();
  const { isSet } = useReadable(appLock.state);
  const isLocked = (useReadable(appLock.chats)[userId] ?? []).includes(roomId);
  const [isChoosing, setIsChoosing] = useState(false);
  const lock = () => {
    // The chat goes from the screen with this; the words stay.
    showToast({ text: t("info.private_on") });
    appLock.setChatLocked(userId, roomId, true);
  };
  const change = (wanted: boolean) => {
    if (!wanted) appLock.setChatLocked(userId, roomId, false);
    else if (isSet) lock();
    else setIsChoosing(true);
  };
  return (
    <div className={css.padded} data-info="private">
      <Switch label={t("info.private")} hint={t("info.private_hint")} checked={isLocked} onCheckedChange={change} />
      {isChoosing && (
        <Dialog open onOpenChange={setIsChoosing} title={t("settings.pin_set")} description={t("info.private_needs_pin")} size="s">
          <NewPinForm onDone={() => { setIsChoosing(false); lock(); }} />
        </Dialog>
      )}
    </div>
  );
}
