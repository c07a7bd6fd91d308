import { useCallback, useEffect, useState } from "react";
import { RefreshCw } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import type { Problem } from "@/domain/problem";
import type { KnownAtServer } from "@/domain/settings";
import { serverOf } from "@/domain/matrix_id";
import { ProblemNote, toProblem } from "@/views/arrive/ProblemNote";
import { Button } from "../common/Button";
import { useFormats } from "../common/locale";
import { Waiting } from "../common/Waiting";
import { Buttons, Section } from "./parts";
import css from "./settings.module.css";

/** What the server has of this account, as it answers right now, and what it cannot have. */
export default function KnownPage() {
  const { t } = useTranslation();
  const { own, userId } = useEngine();
  const [known, setKnown] = useState<KnownAtServer>();
  const [problem, setProblem] = useState<Problem | null>(null);
  const load = useCallback(async () => {
    setProblem(null);
    try {
      setKnown(await own.loadKnown());
    } catch (error) {
      setProblem(toProblem(error));
    }
  }, [own]);
  useEffect(() => void load(), [load]);
  return (
    <>
      <Section text={t("settings.known_intro", { server: serverOf(userId) })} />
      <ProblemNote problem={problem} />
      {known === undefined && problem === null && <Waiting sentence={t("settings.known_loading")} />}
      {known && <KnownFacts known={known} />}
      <CannotKnow />
      <Buttons><Button icon={RefreshCw} onClick={() => void load()}>{t("settings.known_again")}</Button></Buttons>
    </>
  );
}

function KnownFacts({ known }: { readonly known: KnownAtServer }) {
  const { t } = useTranslation();
  const formats = useFormats();
  const open = known.rooms.filter(({ isEncrypted }) => !isEncrypted);
  const dataBytes = known.accountData.reduce((sum, { bytes }) => sum + bytes, 0);
  return (
    <>
      <Section title={t("settings.known_profile")} text={t("settings.known_profile_text")}>
        <dl className={css.facts}>
          <dt>{t("settings.known_id")}</dt>
          <dd><bdi dir="ltr">{known.userId}</bdi></dd>
          {Object.entries(known.profile).map(([name, value]) => <Fact key={name} name={name} value={value} />)}
        </dl>
        <p className={css.small}>{t("settings.known_no_phone")}</p>
      </Section>
      <Section title={t("settings.known_devices", { count: known.devices.length })} text={t("settings.known_devices_text")}>
        <ul className={css.plain}>
          {known.devices.map((device) => (
            <li key={device.deviceId}><bdi>{device.name}</bdi>{device.lastSeenAt !== undefined && <> · {formats.dateTime(device.lastSeenAt)}</>}{device.lastSeenIp !== undefined && <> · <bdi dir="ltr">{device.lastSeenIp}</bdi></>}</li>
          ))}
        </ul>
      </Section>
      <Section title={t("settings.known_rooms", { count: known.rooms.length })} text={t("settings.known_rooms_text")}>
        {open.length > 0 && <p className={css.warn}>{t("settings.known_open", { names: formats.list(open.map(({ name }) => name).slice(0, 20)) })}</p>}
        {known.rooms.length > 0 && <details className={css.details}>
          <summary>{t("settings.known_rooms_all")}</summary>
          <ul className={css.plain}>{known.rooms.map((room) => <li key={room.roomId}><bdi>{room.name}</bdi> · {t("settings.known_members", { count: room.membersCount })} · {room.isEncrypted ? t("settings.known_encrypted") : t("settings.known_readable")}</li>)}</ul>
        </details>}
        {known.blocked.length > 0 && <p className={css.text}>{t("settings.known_blocked", { count: known.blocked.length })}</p>}
      </Section>
      <Section title={t("settings.known_keys")} text={known.backup ? t("settings.known_backup", { count: known.backup.keys }) : t("settings.known_no_backup")} />
      <Section title={t("settings.known_push")} text={known.pushers.length === 0 ? t("settings.known_no_push") : t("settings.known_push_text")}>
        {known.pushers.length > 0 && <ul className={css.plain}>{known.pushers.map((pusher, at) => <li key={at}><bdi>{pusher.deviceName || pusher.appId}</bdi> · <bdi dir="ltr">{pusher.place}</bdi></li>)}</ul>}
      </Section>
      <Section title={t("settings.known_data")} text={t("settings.known_data_text", { size: formats.bytes(dataBytes), count: known.roomDataCount })}>
        <details className={css.details}>
          <summary>{t("settings.known_data_all")}</summary>
          <ul className={css.plain}>{known.accountData.map(({ type, bytes, isEncrypted }) => <li key={type}><bdi dir="ltr">{type}</bdi> · {formats.bytes(bytes)}{isEncrypted && <> · {t("settings.known_encrypted")}</>}</li>)}</ul>
        </details>
      </Section>
      <Section title={t("settings.known_files")} text={known.uploadMax === undefined ? t("settings.known_files_text") : t("settings.known_files_max", { size: formats.bytes(known.uploadMax) })} />
    </>
  );
}

const PROFILE_NAMES: Readonly<Record<string, string>> = { displayname: "settings.name", avatar_url: "settings.known_picture", "org.zajil.status": "settings.status", "m.tz": "settings.known_zone" };

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  const { t } = useTranslation();
  const key = PROFILE_NAMES[name];
  return (
    <>
      <dt>{key === undefined ? <bdi dir="ltr">{name}</bdi> : t(key)}</dt>
      <dd><bdi>{value}</bdi></dd>
    </>
  );
}

function CannotKnow() {
  const { t } = useTranslation();
  return (
    <Section title={t("settings.unknown_title")}>
      <ul className={css.plain}>
        <li>{t("settings.unknown_texts")}</li>
        <li>{t("settings.unknown_files")}</li>
        <li>{t("settings.unknown_keys")}</li>
        <li>{t("settings.unknown_search")}</li>
        <li>{t("settings.unknown_lock")}</li>
      </ul>
      <h2 className={css.heading}>{t("settings.unseen_title")}</h2>
      <ul className={css.plain}>
        <li>{t("settings.unseen_who")}</li>
        <li>{t("settings.unseen_reactions")}</li>
        <li>{t("settings.unseen_names")}</li>
      </ul>
    </Section>
  );
}
