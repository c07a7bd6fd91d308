import { X } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Message } from "@/domain/message";
import { useFormats } from "../common/locale";
import { ProgressRing } from "../media/ProgressRing";
import { useReadable } from "../use_readable";
import { useChatActions } from "./chat_actions";
import css from "./UploadCover.module.css";

/** Over a picture or a film on its way out: how much of it has gone, and the way to stop it. */
export function UploadCover({ message }: { readonly message: Message }) {
  const { t } = useTranslation();
  const formats = useFormats();
  const { chat } = useChatActions();
  const uploads = useReadable(chat.uploads);
  const upload = uploads.find((each) => each.messageId === message.id);
  if (!upload) return null;
  const share = upload.total > 0 ? upload.done / upload.total : undefined;
  const amount = t("upload.amount", { done: formats.bytes(upload.done), total: formats.bytes(upload.total) });
  return (
    <div className={css.cover}>
      <button type="button" className={css.stop} onClick={() => chat.cancel(message.id)} aria-label={t("upload.stop")} title={t("upload.stop")}>
        <ProgressRing value={share} label={t("upload.sending")} />
        <X size={20} aria-hidden="true" />
      </button>
      <span className={css.amount}>{amount}</span>
    </div>
  );
}
