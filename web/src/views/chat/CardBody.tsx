import { ExternalLink, MapPin } from "lucide-react";
import { useTranslation } from "react-i18next";
import { buildGeoUri, formatDecimal } from "@/domain/location";
import type { MessageBody } from "@/domain/message";
import { Avatar } from "../common/Avatar";
import { PersonText } from "../common/PersonText";
import { useChatActions } from "./chat_actions";
import { WorldSketch } from "./WorldSketch";
import css from "./CardBody.module.css";

/** A sketch of where on earth, coordinates, and a link that the device's own map app opens: no map from anybody else is loaded. */
export function LocationBody({ body }: { readonly body: Extract<MessageBody, { kind: "location" }> }) {
  const { t } = useTranslation();
  return (
    <a className={css.place} href={buildGeoUri(body)} rel="noopener noreferrer">
      <WorldSketch latitude={body.latitude} longitude={body.longitude} />
      <span className={css.words}>
        {body.label && <span className={css.name} dir="auto">{body.label}</span>}
        <span className={css.note}><MapPin size={13} aria-hidden="true" /> <bdi dir="ltr">{formatDecimal(body)}</bdi></span>
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
