import { ExternalLink, MapPin } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { MessageBody } from "@/domain/message";
import { Avatar } from "../common/Avatar";
import { useFormats } from "../common/locale";
import { PersonText } from "../common/PersonText";
import { useChatActions } from "./chat_actions";
import css from "./CardBody.module.css";

/** Coordinates and a link the device's own map app opens: no map from anybody else is loaded. */
export function LocationBody({ body }: { readonly body: Extract<MessageBody, { kind: "location" }> }) {
  const { t } = useTranslation();
  const formats = useFormats();
  const place = `${body.latitude.toFixed(5)}, ${body.longitude.toFixed(5)}`;
  return (
    <a className={css.card} href={`geo:${body.latitude},${body.longitude}`} rel="noopener noreferrer">
      <span className={css.map} aria-hidden="true"><MapPin size={26} /></span>
      <span className={css.words}>
        {body.label && <span className={css.name} dir="auto">{body.label}</span>}
        <span className={css.note} title={formats.number(body.latitude)}><bdi dir="ltr">{place}</bdi></span>
        <span className={css.action}>{t("chat.open_map")} <ExternalLink size={13} aria-hidden="true" /></span>
      </span>
    </a>
  );
}

export function ContactBody({ body }: { readonly body: Extract<MessageBody, { kind: "contact" }> }) {
  const { t } = useTranslation();
  const actions = useChatActions();
  return (
    <button type="button" className={css.card} onClick={() => actions.openPerson(body.userId)}>
      <Avatar id={body.userId} name={body.name || body.userId} size={44} />
      <span className={css.words}>
        <PersonText className={css.name}>{body.name || body.userId}</PersonText>
        <span className={css.note}><bdi dir="ltr">{body.userId}</bdi></span>
        <span className={css.action}>{t("chat.open_contact")}</span>
      </span>
    </button>
  );
}
