import { useState } from "react";
import { BadgeInfo, Flag, Link2, Lock, LockOpen, LogOut, Pencil, ShieldCheck, Trash2, UserPlus, UsersRound } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import type { ChatSummary } from "@/domain/engine";
import { may } from "@/domain/room_powers";
import { Avatar } from "../common/Avatar";
import { Button } from "../common/Button";
import { ConfirmDialog } from "../common/Dialog";
import { useFormats } from "../common/locale";
import { PersonText } from "../common/PersonText";
import { useShowProblem } from "../common/Toasts";
import { ReportDialog } from "../chat/ReportDialog";
import { AddPeopleDialog } from "../invite/AddPeopleDialog";
import { useReadable } from "../use_readable";
import { ChatSection } from "./ChatSection";
import { EditRoomDialog } from "./EditRoomDialog";
import type { InfoPageName, InfoPaneProps } from "./InfoPane";
import { KnockRequests } from "./KnockRequests";
import { InfoRow, InfoSection } from "./parts";
import css from "./info.module.css";

const HOUR_MS = 3_600_000;

type Open = "edit" | "add" | "report" | "leave" | "delete" | null;

/** A group, a channel, a community, or one's own notes. */
export function RoomInfo({ roomId, onPage, onThreads, onLeft }: InfoPaneProps & { readonly onPage: (page: InfoPageName) => void }) {
  const { t } = useTranslation();
  const engine = useEngine();
  const showProblem = useShowProblem();
  const chat = engine.openChat(roomId);
  const summary = useReadable(chat.summary);
  const details = useReadable(engine.care(roomId).details);
  const [open, setOpen] = useState<Open>(null);
  const { powers } = details;
  const isNotes = summary.kind === "notes";
  const mayEdit = may(powers, "name") || may(powers, "topic") || may(powers, "picture");
  const close = () => setOpen(null);
  return <>
    <Head roomId={roomId} summary={summary} onEdit={mayEdit ? () => setOpen("edit") : undefined} onAdd={may(powers, "invite") && !isNotes ? () => setOpen("add") : undefined} onLinks={isNotes ? undefined : () => onPage("links")} />
    <Encryption roomId={roomId} />
    <KnockRequests roomId={roomId} />
    {!isNotes && <InfoSection>
      <InfoRow icon={UsersRound} label={t("info.members")} value={<MembersCount summary={summary} />} leads onClick={() => onPage("members")} name="members" />
      {may(powers, "invite") && <InfoRow icon={Link2} label={t("info.links")} leads onClick={() => onPage("links")} name="links" />}
      <InfoRow icon={ShieldCheck} label={t("info.permissions")} value={t(`info.access_${details.access}`)} leads onClick={() => onPage("permissions")} name="permissions" />
    </InfoSection>}
    <ChatSection roomId={roomId} onPage={onPage} onThreads={onThreads} />
    <InfoSection>
      {!isNotes && <InfoRow icon={Flag} danger label={t("report.chat")} onClick={() => setOpen("report")} />}
      {!isNotes && <InfoRow icon={LogOut} mirrored danger label={t("chats.leave")} onClick={() => setOpen("leave")} name="leave" />}
      <InfoRow icon={Trash2} danger label={t("info.delete_chat")} onClick={() => setOpen("delete")} />
    </InfoSection>
    {open === "edit" && <EditRoomDialog roomId={roomId} onClose={close} />}
    {open === "add" && <AddPeopleDialog roomId={roomId} onClose={close} />}
    {open === "report" && <ReportDialog chat={chat} eventId={null} onClose={close} />}
    <ConfirmDialog open={open === "leave"} onOpenChange={close} title={t("chats.leave_title")} description={t("chats.leave_text")} confirm={t("chats.leave")} danger onConfirm={() => void chat.leave().then(onLeft, showProblem)} />
    <ConfirmDialog open={open === "delete"} onOpenChange={close} title={t("info.delete_title")} description={t("info.delete_text")} confirm={t("info.delete_chat")} danger onConfirm={() => void chat.forget().then(onLeft, showProblem)} />
  </>;
}

interface HeadProps {
  readonly roomId: string;
  readonly summary: ChatSummary;
  readonly onEdit: (() => void) | undefined;
  readonly onAdd: (() => void) | undefined;
  readonly onLinks: (() => void) | undefined;
}

function Head({ roomId, summary, onEdit, onAdd, onLinks }: HeadProps) {
  const { t } = useTranslation();
  const { topic, alias } = useReadable(useEngine().care(roomId).details);
  return (
    <div className={css.head}>
      <Avatar id={roomId} name={summary.name} size={96} shape={summary.kind === "community" ? "square" : "round"} {...(summary.avatar ? { source: summary.avatar } : {})} />
      <p className={css.name}><PersonText>{summary.name}</PersonText></p>
      {alias && <bdi dir="ltr" className={css.id}>{alias}</bdi>}
      {topic && <p className={css.topic} dir="auto">{topic}</p>}
      <div className={css.big}>
        {onEdit && <Button icon={Pencil} onClick={onEdit}>{t("info.edit")}</Button>}
        {onAdd && <Button icon={UserPlus} variant="primary" onClick={onAdd}>{t("info.add_people")}</Button>}
        {!onAdd && onLinks && <Button icon={Link2} onClick={onLinks}>{t("info.links")}</Button>}
      </div>
    </div>
  );
}

function MembersCount({ summary }: { readonly summary: ChatSummary }) {
  return <>{useFormats().number(summary.membersCount)}</>;
}

/** In one sentence. */
export function Encryption({ roomId }: { readonly roomId: string }) {
  const { t } = useTranslation();
  const engine = useEngine();
  const { kind } = useReadable(engine.openChat(roomId).summary);
  const { encrypted, keyRenewalMs } = useReadable(engine.care(roomId).details);
  const Icon = kind === "community" ? BadgeInfo : encrypted ? Lock : LockOpen;
  const sentence = kind === "community" ? t("info.community_text") : encrypted ? (keyRenewalMs ? t("info.encrypted_renewed", { count: Math.max(1, Math.round(keyRenewalMs / HOUR_MS)) }) : t("info.encrypted")) : t("info.not_encrypted");
  return <InfoSection><p className={css.notice}><Icon size={18} aria-hidden="true" />{sentence}</p></InfoSection>;
}
