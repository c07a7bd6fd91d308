import { useEffect, useState } from "react";
import { Ban, Flag, MessageCircle, ShieldCheck, Trash2, UserRoundCheck } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useApp } from "@/app/app_context";
import { useEngine } from "@/app/engine_context";
import type { PersonView } from "@/domain/people";
import { Avatar } from "../common/Avatar";
import { Button } from "../common/Button";
import { ConfirmDialog } from "../common/Dialog";
import { describeLastSeen } from "../chat/last_seen";
import { useFormats } from "../common/locale";
import { PersonText } from "../common/PersonText";
import { showToast, useShowProblem } from "../common/Toasts";
import { useNow } from "../common/use_now";
import { ChatSection } from "../info/ChatSection";
import { Encryption } from "../info/RoomInfo";
import type { InfoPageName } from "../info/InfoPane";
import { InfoRow, InfoSection } from "../info/parts";
import css from "../info/info.module.css";
import { DeviceList } from "../trust/DeviceList";
import { IdentityBar } from "../trust/IdentityBar";
import { TrustLevels } from "../trust/TrustLevels";
import { useVerify } from "../trust/use_verify";
import { useReadable } from "../use_readable";
import { ReportPersonDialog } from "./ReportPersonDialog";
import { SharedRooms } from "./SharedRooms";

export interface PersonInfoProps {
  readonly userId: string;
  /** The direct chat whose information this is; absent for somebody met in a group or by a link. */
  readonly chat?: { readonly roomId: string; readonly onPage: (page: InfoPageName) => void; readonly onThreads: () => void; readonly onLeft: () => void };
  readonly onOpenChat: (roomId: string) => void;
}

/** Somebody: who they are, how far they are to be trusted, and what there is between us. */
export function PersonInfo({ userId, chat, onOpenChat }: PersonInfoProps) {
  const { t } = useTranslation();
  const engine = useEngine();
  const person = useReadable(engine.people.person(userId));
  const isMe = userId === engine.userId;
  useEffect(() => void engine.people.loadProfile(userId).catch(() => undefined), [engine, userId]);
  return <>
    <Head person={person} onOpenChat={chat ? undefined : onOpenChat} />
    {!isMe && <>
      <IdentityBar userId={userId} />
      <Trust person={person} />
    </>}
    {chat && <><Encryption roomId={chat.roomId} /><ChatSection roomId={chat.roomId} onPage={chat.onPage} onThreads={chat.onThreads} /></>}
    {!isMe && <>
      <SharedRooms userId={userId} onOpenChat={onOpenChat} />
      <InfoSection title={t("info.devices")}><div className={css.padded}><DeviceList userId={userId} /></div></InfoSection>
      <Danger person={person} chat={chat} />
    </>}
  </>;
}

function Head({ person, onOpenChat }: { readonly person: PersonView; readonly onOpenChat: ((roomId: string) => void) | undefined }) {
  const { t } = useTranslation();
  const { copyText } = useApp();
  const engine = useEngine();
  const formats = useFormats();
  const now = useNow();
  const showProblem = useShowProblem();
  const { presence } = person;
  const seen = presence?.online ? t("chat.online") : presence?.lastSeenAt ? describeLastSeen(presence.lastSeenAt, now, formats, t) : undefined;
  const copy = () => void copyText(person.userId).then(() => showToast({ text: t("chat.copied") }), () => showToast({ text: t("chat.copy_failed"), tone: "danger" }));
  return (
    <div className={css.head}>
      <Avatar id={person.userId} name={person.name} size={96} {...(person.avatar ? { source: person.avatar } : {})} />
      <p className={css.name}><PersonText>{person.name}</PersonText></p>
      <button type="button" className={css.id} onClick={copy} title={t("info.copy_id")}><bdi dir="ltr">{person.userId}</bdi></button>
      {seen && <p className={css.quiet}>{seen}</p>}
      {onOpenChat && person.userId !== engine.userId && !person.blocked && <Button variant="primary" icon={MessageCircle} data-person="write" onClick={() => void engine.startDirectChat(person.userId).then(onOpenChat, showProblem)}>{t("info.write")}</Button>}
    </div>
  );
}

function Trust({ person }: { readonly person: PersonView }) {
  const { t } = useTranslation();
  const verify = useVerify();
  return (
    <InfoSection title={t("info.trust")}>
      <TrustLevels level={person.trust} />
      <div className={css.padded}>
        <Button wide icon={ShieldCheck} variant={person.trust === "verified" ? "quiet" : "secondary"} onClick={() => verify(person.userId)} data-person="verify">{person.trust === "verified" ? t("trust.verify_again") : t("trust.verify")}</Button>
      </div>
    </InfoSection>
  );
}

function Danger({ person, chat }: { readonly person: PersonView; readonly chat: PersonInfoProps["chat"] }) {
  const { t } = useTranslation();
  const engine = useEngine();
  const showProblem = useShowProblem();
  const [open, setOpen] = useState<"block" | "report" | "delete" | null>(null);
  const close = () => setOpen(null);
  const name = `\u2068${person.name}\u2069`;
  const setBlocked = (blocked: boolean) => void engine.setBlocked(person.userId, blocked).catch(showProblem);
  return <>
    <InfoSection>
      {person.blocked
        ? <InfoRow icon={UserRoundCheck} label={t("people.unblock", { name })} onClick={() => setBlocked(false)} name="unblock" />
        : <InfoRow icon={Ban} danger label={t("people.block", { name })} onClick={() => setOpen("block")} name="block" />}
      <InfoRow icon={Flag} danger label={t("people.report", { name })} onClick={() => setOpen("report")} />
      {chat && <InfoRow icon={Trash2} danger label={t("info.delete_chat")} onClick={() => setOpen("delete")} />}
    </InfoSection>
    <ConfirmDialog open={open === "block"} onOpenChange={close} title={t("people.block_title", { name })} description={t("people.block_text")} confirm={t("people.block_short")} danger onConfirm={() => setBlocked(true)} />
    {open === "report" && <ReportPersonDialog person={person} onClose={close} />}
    {chat && <ConfirmDialog open={open === "delete"} onOpenChange={close} title={t("info.delete_title")} description={t("info.delete_text")} confirm={t("info.delete_chat")} danger onConfirm={() => void engine.openChat(chat.roomId).forget().then(chat.onLeft, showProblem)} />}
  </>;
}
