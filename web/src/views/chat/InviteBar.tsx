import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Chat } from "@/domain/engine";
import { useReadable } from "../use_readable";
import { Button } from "../common/Button";
import { useShowProblem } from "../common/Toasts";
import { TrustMark } from "../common/TrustMark";
import css from "./InviteBar.module.css";

/** A message request: who asks, and the choice. Nothing tells them that it was seen. */
export function InviteBar({ chat, onLeft }: { readonly chat: Chat; readonly onLeft: () => void }) {
  const { t } = useTranslation();
  const summary = useReadable(chat.summary);
  const showProblem = useShowProblem();
  const [busy, setBusy] = useState<"accept" | "refuse" | null>(null);
  const act = (what: "accept" | "refuse") => {
    setBusy(what);
    (what === "accept" ? chat.accept() : chat.leave().then(onLeft)).catch(showProblem).finally(() => setBusy(null));
  };
  const name = `\u2068${summary.inviter?.name ?? summary.name}\u2069`;
  return (
    <div className={css.bar}>
      <p>{summary.kind === "direct" ? t("invite.direct", { name }) : t("invite.group", { name })} {summary.inviter && <TrustMark trust={summary.inviter.trust} />}</p>
      {summary.inviter && <p className={css.id}><bdi dir="ltr">{summary.inviter.userId}</bdi></p>}
      <div className={css.buttons}>
        <Button onClick={() => act("refuse")} busy={busy === "refuse" && t("invite.refusing")}>{t("invite.refuse")}</Button>
        <Button variant="primary" onClick={() => act("accept")} busy={busy === "accept" && t("invite.accepting")}>{t("invite.accept")}</Button>
      </div>
    </div>
  );
}
