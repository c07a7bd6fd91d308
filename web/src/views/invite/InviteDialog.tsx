import { useState } from "react";
import { Hash, Lock, LockOpen } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import type { InviteTarget, RoomPreview } from "@/domain/invites";
import { Problem } from "@/domain/problem";
import { Avatar } from "../common/Avatar";
import { Button } from "../common/Button";
import { Dialog } from "../common/Dialog";
import { EmptyState } from "../common/EmptyState";
import { PersonText } from "../common/PersonText";
import { TextField } from "../common/TextField";
import { showToast, useShowProblem } from "../common/Toasts";
import { Waiting } from "../common/Waiting";
import { useLoaded } from "../info/use_loaded";
import css from "./invite.module.css";

export interface InviteDialogProps {
  readonly target: InviteTarget;
  readonly onClose: () => void;
  readonly onJoined: (roomId: string) => void;
}

/** Where a link leads, before one goes there. */
export function InviteDialog({ target, onClose, onJoined }: InviteDialogProps) {
  const { t } = useTranslation();
  const engine = useEngine();
  const showProblem = useShowProblem();
  const [reason, setReason] = useState("");
  const [isBusy, setBusy] = useState(false);
  const loaded = useLoaded(async () => {
    try {
      return { preview: await engine.invites.preview(target) };
    } catch (error) {
      return { problem: error instanceof Problem ? error : new Problem("unknown", {}, error) };
    }
  }, `${target.room} ${target.token ?? ""}`);
  const problem = typeof loaded === "object" && "problem" in loaded ? loaded.problem : undefined;
  const preview = typeof loaded === "object" && "preview" in loaded ? loaded.preview : undefined;
  // Without a token one cannot simply walk into a room that wants to be asked, nor into one of which nothing may be known.
  const asks = target.token === undefined && (preview === undefined || preview.access === "knock" || preview.access === "invite");
  const go = () => {
    setBusy(true);
    engine.invites.join(target, reason.trim() === "" ? undefined : reason.trim()).then(({ result, roomId }) => {
      if (result === "joined") return onJoined(roomId);
      showToast({ text: t("shell.knocked") });
      return onClose();
    }, (failure: unknown) => { setBusy(false); showProblem(failure); });
  };
  const canGo = loaded !== "loading" && loaded !== "failed" && problem === undefined;
  return (
    <Dialog open onOpenChange={onClose} title={t("invite.title")} size="s" footer={canGo ? <>
      <Button variant="quiet" onClick={onClose}>{t("ui.cancel")}</Button>
      <Button variant="primary" busy={isBusy && t("invite.accepting")} onClick={go} data-invite="join">{preview?.membership === "join" ? t("invite.open_chat") : asks ? t("invite.knock") : t("invite.join")}</Button>
    </> : <Button onClick={onClose}>{t("ui.close")}</Button>}>
      {loaded === "loading" && <Waiting sentence={t("invite.looking")} />}
      {problem && <EmptyState icon={Hash} title={t(`problem.${problem.code}`, problem.values)}>{t(`problem.${problem.code}_next`, problem.values)}</EmptyState>}
      {canGo && <Preview preview={preview} room={target.room} />}
      {canGo && asks && preview?.membership !== "join" && <TextField label={t("invite.reason")} value={reason} maxLength={200} onChange={(event) => setReason(event.target.value)} />}
    </Dialog>
  );
}

/** Its picture is not fetched: joining is what makes it ours to see. */
function Preview({ preview, room }: { readonly preview: RoomPreview | undefined; readonly room: string }) {
  const { t } = useTranslation();
  if (!preview) return <EmptyState icon={Lock} title={t("invite.unknown_title")}>{t("invite.unknown")}</EmptyState>;
  const Icon = preview.encrypted ? Lock : LockOpen;
  const name = preview.name === "" ? t("invite.nameless") : preview.name;
  return (
    <div className={css.centred} data-preview={preview.roomId}>
      <Avatar id={preview.roomId} name={name} size={80} shape={preview.isCommunity ? "square" : "round"} />
      <h3 className={css.name}><PersonText>{name}</PersonText></h3>
      {room.startsWith("#") && <bdi dir="ltr" className={css.id}>{room}</bdi>}
      <p className={css.quiet}>{t("chat.members", { count: preview.membersCount })}</p>
      {preview.topic && <p className={css.topic} dir="auto">{preview.topic}</p>}
      {!preview.isCommunity && <p className={css.quiet}><Icon size={14} aria-hidden="true" /> {preview.encrypted ? t("chat.encrypted") : t("chat.not_encrypted")}</p>}
    </div>
  );
}
