import { useTranslation } from "react-i18next";
import type { Chat } from "@/domain/engine";
import { useReadable } from "../use_readable";
import css from "./ChatView.module.css";

/** In the composer's place where one cannot write: why. */
export function CannotWrite({ chat }: { readonly chat: Chat }) {
  const { t } = useTranslation();
  const { membership, kind } = useReadable(chat.summary);
  if (membership === "knock") return <p className={css.readOnly}>{t("chat.knocking")}</p>;
  if (membership === "leave") return <p className={css.readOnly}>{t("chat.left")}</p>;
  return <p className={css.readOnly}>{kind === "channel" ? t("chat.channel_read_only") : t("chat.may_not_send")}</p>;
}
