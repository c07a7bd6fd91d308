import { Copy, ExternalLink, MapPin } from "lucide-react";
import { useTranslation } from "react-i18next";
import { buildGeoUri, formatDecimal } from "@/domain/location";
import type { MessageBody } from "@/domain/message";
import { Avatar } from "../common/Avatar";
import { IconButton } from "../common/IconButton";
import { useFormats } from "../common/locale";
import { PersonText } from "../common/PersonText";
import { useChatActions } from "./chat_actions";
import { WorldSketch } from "./WorldSketch";
import css from "./CardBody.module.css";

/** A sketch of where on earth, coordinates, and a link that the device's own map app opens: no map from anybody else is loaded. */
export function LocationBody({ body }: { readonly body: Extract<MessageBody, { kind: "location" }> }) {
  const { t } = useTranslation();
  const formats = useFormats();
  const { copyText } = useChatActions();
  return (
    <div className={css.place}>
      <WorldSketch latitude={body.latitude} longitude={body.longitude} />
      <div className={css.words}>
        {body.label && <span className={css.name} dir="auto">{body.label}</span>}
        <span className={css.note}><MapPin size={13} aria-hidden="true" /> <bdi dir="ltr">{formatDecimal(body)}</bdi></span>
        {body.uncertaintyM !== undefined && body.uncertaintyM > 0 && <span className={css.note}>{t("chat.location_accuracy", { distance: formats.distance(body.uncertaintyM) })}</span>}
      </div>
      <div className={css.actions}>
        <a className={css.action} href={buildGeoUri(body)} rel="noopener noreferrer">{t("chat.open_map")} <ExternalLink size={13} aria-hidden="true" /></a>
        <IconButton label={t("chat.copy_coordinates")} icon={Copy} iconSize={18} className={css.copy} onClick={() => copyText(formatDecimal(body))} />
      </div>
    </div>
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
