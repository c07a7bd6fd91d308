import { useTranslation } from "react-i18next";
import type { Chat } from "@/domain/engine";
import { useReadable } from "../use_readable";
import { InviteBar } from "./InviteBar";
import css from "./ChatView.module.css";

/** In the composer's place where one cannot write: why, or the choice to come in. */
export function CannotWrite({ chat, onLeft }: { readonly chat: Chat; readonly onLeft: () => void }) {
  const { t } = useTranslation();
  const { membership, kind } = useReadable(chat.summary);
  if (membership === "invite") return <InviteBar chat={chat} onLeft={onLeft} />;
  if (membership === "knock") return <p className={css.readOnly}>{t("chat.knocking")}</p>;
  if (membership === "leave") return <p className={css.readOnly}>{t("chat.left")}</p>;
  return <p className={css.readOnly}>{kind === "channel" ? t("chat.channel_read_only") : t("chat.may_not_send")}</p>;
}
