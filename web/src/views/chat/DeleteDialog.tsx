import { useTranslation } from "react-i18next";
import type { Chat } from "@/domain/engine";
import type { Message } from "@/domain/message";
import { showToast } from "../common/Toasts";
import { Button } from "../common/Button";
import { Dialog } from "../common/Dialog";

/** Only here, or for everyone: the difference is said before the choice. */
export function DeleteDialog({ chat, messages, mayDeleteOthers, onClose }: { readonly chat: Chat; readonly messages: readonly Message[]; readonly mayDeleteOthers: boolean; readonly onClose: (done: boolean) => void }) {
  const { t } = useTranslation();
  const everywhere = messages.every((message) => message.eventId !== undefined && message.body.kind !== "deleted" && (message.isOwn || mayDeleteOthers));
  const forMe = () => {
    for (const message of messages) {
      if (message.status === "waiting" || message.status === "failed") void chat.cancel(message.id).then((done) => done || showToast({ text: t("chat.may_have_arrived") }));
      else void chat.deleteForMe(message.id);
    }
    onClose(true);
  };
  const forEveryone = () => {
    for (const message of messages) chat.deleteForEveryone(message.eventId!);
    onClose(true);
  };
  return (
    <Dialog
      open
      onOpenChange={() => onClose(false)}
      title={t("delete.title", { count: messages.length })}
      description={everywhere ? t("delete.both_description") : t("delete.me_description")}
      size={everywhere ? "m" : "s"}
      footer={<>
        <Button variant="quiet" onClick={() => onClose(false)}>{t("ui.cancel")}</Button>
        <Button onClick={forMe}>{t("delete.for_me")}</Button>
        {everywhere && <Button variant="danger" onClick={forEveryone}>{t("delete.for_everyone")}</Button>}
      </>}
    />
  );
}
