import { useTranslation } from "react-i18next";
import type { Chat } from "@/domain/engine";
import type { Message } from "@/domain/message";
import { useReadable } from "../use_readable";
import { Avatar } from "../common/Avatar";
import { Dialog } from "../common/Dialog";
import { useFormats } from "../common/locale";
import { PersonText } from "../common/PersonText";
import { useNow } from "../common/use_now";
import { AGREE, DISAGREE } from "./message_menu";
import { Ticks } from "./Ticks";
import css from "./DetailsDialog.module.css";

const people_max = 200;
const reactions_max = 20;

/** Where a message is: since when the server holds it, whose devices have it, who has read it. */
export function DetailsDialog({ chat, message, onClose }: { readonly chat: Chat; readonly message: Message; readonly onClose: () => void }) {
  const { t } = useTranslation();
  const formats = useFormats();
  const now = useNow();
  return (
    <Dialog open onOpenChange={onClose} title={t("details.title")} size="s">
      <dl className={css.facts}>
        <div><dt>{t("details.from")}</dt><dd>{message.isOwn ? t("chat.you") : <PersonText>{message.senderName}</PersonText>}</dd></div>
        <div><dt>{t("details.sent")}</dt><dd>{formats.dateTime(message.sentAt)}</dd></div>
        {message.isOwn && <div><dt>{t("details.state")}</dt><dd className={css.state}><Ticks status={message.status} /> {t(`chat.status_${message.status}`)}</dd></div>}
        {message.heldSince !== undefined && <div><dt>{t("details.held")}</dt><dd>{t("details.held_since", { time: formats.dateTime(message.heldSince), ago: formats.ago(message.heldSince, now) })}</dd></div>}
        {message.isOwn && message.heldSince === undefined && <div><dt>{t("details.held")}</dt><dd>{t("details.not_held")}</dd></div>}
        <div><dt>{t("details.encryption")}</dt><dd>{message.encrypted ? t("details.encrypted") : t("details.not_encrypted")}</dd></div>
        {message.shield !== "ok" && <div><dt>{t("details.warning")}</dt><dd>{t(`chat.shield_${message.shield}`)}</dd></div>}
        {message.expiresAt !== undefined && <div><dt>{t("details.disappears")}</dt><dd>{formats.dateTime(message.expiresAt)}</dd></div>}
        {message.hop > 0 && <div><dt>{t("details.forwarded")}</dt><dd>{t("details.forwarded_times", { count: message.hop })}</dd></div>}
      </dl>
      {message.reactions.length > 0 && <h3 className={css.heading}>{t("details.reactions")}</h3>}
      {message.reactions.slice(0, reactions_max).map(({ key, senders }) => <People key={key} chat={chat} title={`${key.slice(0, 24)} ${key === AGREE ? t("details.agreed") : key === DISAGREE ? t("details.disagreed") : ""}`} userIds={senders} empty="" />)}
      {message.isOwn && <People chat={chat} title={t("details.read_by")} userIds={message.readBy} empty={t("details.nobody_read")} />}
      {message.isOwn && message.deliveredTo.length > 0 && <People chat={chat} title={t("details.delivered_to")} userIds={message.deliveredTo.filter((id) => !message.readBy.includes(id))} empty={t("details.all_read")} />}
    </Dialog>
  );
}

function People({ chat, title, userIds, empty }: { readonly chat: Chat; readonly title: string; readonly userIds: readonly string[]; readonly empty: string }) {
  const members = useReadable(chat.members);
  const names = new Map(members.filter((member) => userIds.includes(member.userId)).map((member) => [member.userId, member.name]));
  return (
    <section>
      <h3 className={css.heading}>{title}</h3>
      {userIds.length === 0 ? <p className={css.empty}>{empty}</p> : (
        <ul className={css.people}>
          {userIds.slice(0, people_max).map((id) => <li key={id}><Avatar id={id} name={names.get(id) ?? id} size={32} /><PersonText>{names.get(id) ?? id}</PersonText></li>)}
        </ul>
      )}
    </section>
  );
}
