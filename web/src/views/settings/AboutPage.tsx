import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import { serverOf } from "@/domain/matrix_id";
import { Pigeon } from "../common/Pigeon";
import { Section } from "./parts";
import css from "./settings.module.css";

declare const __ZAJIL_VERSION__: string;

/** What the app is made of: name and licence, each under its own. */
const PARTS: readonly (readonly [name: string, licence: string])[] = [
  ["matrix-js-sdk", "Apache-2.0"],
  ["matrix-sdk-crypto-wasm", "Apache-2.0"],
  ["React", "MIT"],
  ["Radix Primitives", "MIT"],
  ["TanStack Virtual", "MIT"],
  ["i18next", "MIT"],
  ["Lucide", "ISC"],
  ["Noto Sans Arabic", "OFL-1.1"],
  ["emojibase", "MIT"],
  ["CLDR", "Unicode-3.0"],
  ["marked", "MIT"],
  ["linkify-it", "MIT"],
  ["idb", "ISC"],
  ["jsQR", "Apache-2.0"],
  ["qrcode", "MIT"],
];

export default function AboutPage() {
  const { t } = useTranslation();
  const { userId } = useEngine();
  return (
    <>
      <Section>
        <div className={css.center}>
          <Pigeon size={72} />
          <h2 className={css.heading}>{t("app.name")}</h2>
          <p className={css.text}>{t("settings.about_text")}</p>
        </div>
        <dl className={css.facts}>
          <dt>{t("settings.about_version")}</dt>
          <dd><bdi dir="ltr">{__ZAJIL_VERSION__}</bdi></dd>
          <dt>{t("settings.about_server")}</dt>
          <dd><bdi dir="ltr">{serverOf(userId)}</bdi></dd>
          <dt>{t("settings.about_protocol")}</dt>
          <dd><bdi dir="ltr">Matrix v1.19</bdi></dd>
        </dl>
      </Section>
      <Section title={t("settings.help_title")}>
        <ul className={css.plain}>
          <li><a href="/status" target="_blank" rel="noreferrer">{t("settings.help_status")}</a></li>
          <li>{t("settings.help_waiting")}</li>
          <li>{t("settings.help_keys")}</li>
          <li>{t("settings.help_lost")}</li>
          <li>{t("settings.help_admin")}</li>
        </ul>
      </Section>
      <Section title={t("settings.licences_title")} text={t("settings.licences_text")}>
        <details className={css.details}>
          <summary>{t("settings.licences_all")}</summary>
          <ul className={css.plain}>{PARTS.map(([name, licence]) => <li key={name}><bdi dir="ltr">{name} · {licence}</bdi></li>)}</ul>
        </details>
      </Section>
    </>
  );
}
