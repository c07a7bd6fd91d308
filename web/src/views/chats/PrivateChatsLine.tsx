import { useState } from "react";
import { EyeOff, LockKeyhole } from "lucide-react";
import { useTranslation } from "react-i18next";
import { appLock } from "@/app/app_lock";
import { useEngine } from "@/app/engine_context";
import { Dialog } from "../common/Dialog";
import { useFormats } from "../common/locale";
import { PinForm } from "../settings/PinForm";
import { useReadable } from "../use_readable";
import css from "./ChatList.module.css";

/** How many chats of this account are behind the PIN and not shown now. */
export function useHiddenCount(): number {
  const { userId } = useEngine();
  const count = useReadable(appLock.chats)[userId]?.length ?? 0;
  return useReadable(appLock.revealed) ? 0 : count;
}

/** Where there are chats behind the PIN: the way to them, which says how many they are and no more. */
export function PrivateChatsLine() {
  const { t } = useTranslation();
  const formats = useFormats();
  const { userId } = useEngine();
  const count = useReadable(appLock.chats)[userId]?.length ?? 0;
  const isRevealed = useReadable(appLock.revealed);
  const [isAsking, setIsAsking] = useState(false);
  if (count === 0) return null;
  if (isRevealed) return <button type="button" className={css.line} data-private="hide" onClick={() => appLock.hide()}><EyeOff size={18} aria-hidden="true" />{t("chats.private_hide")}</button>;
  return <>
    <button type="button" className={css.line} data-private="show" onClick={() => setIsAsking(true)}><LockKeyhole size={18} aria-hidden="true" />{t("chats.private")}<span className={css.count}>{formats.number(count)}</span></button>
    {isAsking && (
      <Dialog open onOpenChange={setIsAsking} title={t("chats.private")} size="s">
        <PinForm confirm={t("settings.hidden_show")} attempt={(pin) => appLock.reveal(pin)} onRight={() => setIsAsking(false)} />
      </Dialog>
    )}
  </>;
}
