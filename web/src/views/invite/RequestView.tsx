import { useState } from "react";
import { ArrowLeft } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import type { ChatSummary } from "@/domain/engine";
import { Avatar } from "../common/Avatar";
import { Button } from "../common/Button";
import { ConfirmDialog } from "../common/Dialog";
import { IconButton } from "../common/IconButton";
import { PersonText } from "../common/PersonText";
import { useShowProblem } from "../common/Toasts";
import { ReportPersonDialog } from "../people/ReportPersonDialog";
import { SharedRooms } from "../people/SharedRooms";
import { TrustLevels } from "../trust/TrustLevels";
import { useReadable } from "../use_readable";
import css from "./invite.module.css";

export interface RequestViewProps {
  readonly roomId: string;
  readonly onBack?: (() => void) | undefined;
  readonly onLeft: () => void;
  readonly onOpenChat: (roomId: string) => void;
}

/** Somebody asks to talk, or invites us. Until we accept nothing of theirs is fetched, and nothing tells them that we have seen it. */
export function RequestView({ roomId, onBack, onLeft, onOpenChat }: RequestViewProps) {
  const { t } = useTranslation();
  const engine = useEngine();
  const summary = useReadable(engine.openChat(roomId).summary);
  const { inviter } = summary;
  const name = `\u2068${inviter?.name ?? summary.name}\u2069`;
  const isDirect = summary.kind === "direct";
  return (
    <main className={css.view} data-request={roomId} aria-label={t("invite.request")}>
      <div className={css.bar}>
        {onBack && <IconButton label={t("ui.back")} icon={ArrowLeft} mirrored onClick={onBack} />}
        <h1 className={css.title}>{t("invite.request")}</h1>
      </div>
      <div className={css.middle}>
        <div className={css.paper}>
          <div className={css.centred}>
            <Avatar id={inviter?.userId ?? roomId} name={isDirect ? (inviter?.name ?? summary.name) : summary.name} size={88} />
            <h2 className={css.name}><PersonText>{isDirect ? (inviter?.name ?? summary.name) : summary.name}</PersonText></h2>
            {inviter && <bdi dir="ltr" className={css.id}>{inviter.userId}</bdi>}
            <p>{isDirect ? t("invite.direct", { name }) : t("invite.group", { name })}</p>
          </div>
          {inviter && <div className={css.levels}><TrustLevels level={inviter.trust} /></div>}
          {inviter && <SharedRooms userId={inviter.userId} onOpenChat={onOpenChat} />}
          <p className={css.quiet}>{t("invite.request_text")}</p>
          <Answers roomId={roomId} summary={summary} onLeft={onLeft} />
        </div>
      </div>
    </main>
  );
}

function Answers({ roomId, summary, onLeft }: { readonly roomId: string; readonly summary: ChatSummary; readonly onLeft: () => void }) {
  const { t } = useTranslation();
  const engine = useEngine();
  const showProblem = useShowProblem();
  const chat = engine.openChat(roomId);
  const [busy, setBusy] = useState<"accept" | "refuse" | null>(null);
  const [asked, setAsked] = useState<"block" | "report" | null>(null);
  const { inviter } = summary;
  const run = (what: "accept" | "refuse", work: Promise<unknown>) => {
    setBusy(what);
    work.then(() => { if (what === "refuse") onLeft(); }, showProblem).finally(() => setBusy(null));
  };
  const block = async (): Promise<void> => {
    if (inviter) await engine.setBlocked(inviter.userId, true);
    await chat.leave();
  };
  return <>
    <div className={css.buttons}>
      <Button variant="primary" busy={busy === "accept" && t("invite.accepting")} onClick={() => run("accept", chat.accept())} data-request-answer="accept">{t("invite.accept")}</Button>
      <Button busy={busy === "refuse" && t("invite.refusing")} onClick={() => run("refuse", chat.leave())} data-request-answer="refuse">{t("invite.refuse")}</Button>
      <Button variant="quiet" onClick={onLeft}>{t("invite.later")}</Button>
    </div>
    {inviter && (
      <div className={css.buttons}>
        <Button variant="quiet" onClick={() => setAsked("block")} data-request-answer="block">{t("people.block_short")}</Button>
        <Button variant="quiet" onClick={() => setAsked("report")}>{t("report.send")}</Button>
      </div>
    )}
    {inviter && <ConfirmDialog open={asked === "block"} onOpenChange={() => setAsked(null)} title={t("people.block_title", { name: `\u2068${inviter.name}\u2069` })} description={t("people.block_text")} confirm={t("people.block_short")} danger onConfirm={() => run("refuse", block())} />}
    {inviter && asked === "report" && <ReportPersonDialog person={inviter} onClose={() => setAsked(null)} />}
  </>;
}
