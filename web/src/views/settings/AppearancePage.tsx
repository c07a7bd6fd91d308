import { useTranslation } from "react-i18next";
import { setDigits, setLanguage, setTextScale, setTheme, textScale, theme, THEMES, TEXT_SCALES, usesLatinDigits } from "@/app/appearance";
import { BACKGROUNDS, lessMotion, setBackground, setEnterSends, setLinkPreviews, setLessMotion } from "@/app/device_settings";
import { currentLanguage, LANGUAGE_NAMES, LANGUAGES } from "@/i18n/language";
import { chatPreferences } from "../chat/chat_preferences";
import { useFormats } from "../common/locale";
import { Switch } from "../common/Switch";
import { useReadable } from "../use_readable";
import { Choices, Section } from "./parts";
import css from "./settings.module.css";
import { useChange } from "./use_change";

export default function AppearancePage() {
  return (
    <>
      <LanguageSection />
      <ThemeSection />
      <ChatSection />
    </>
  );
}

function LanguageSection() {
  const { t } = useTranslation();
  const change = useChange();
  const language = currentLanguage();
  return (
    <Section>
      <Choices title={t("settings.language")} value={language} options={LANGUAGES.map((value) => ({ value, label: LANGUAGE_NAMES[value] }))} onChange={(chosen) => change.run(() => setLanguage(chosen))} />
      {language === "ar" && (
        <Choices
          title={t("settings.digits")}
          value={usesLatinDigits() ? "latn" : "native"}
          options={[{ value: "native", label: t("settings.digits_native") }, { value: "latn", label: t("settings.digits_latn") }]}
          onChange={(digits) => change.run(() => setDigits(digits, language))}
        />
      )}
    </Section>
  );
}

function ThemeSection() {
  const { t } = useTranslation();
  const formats = useFormats();
  const chosen = useReadable(theme);
  const scale = useReadable(textScale);
  return (
    <Section>
      <Choices title={t("settings.theme")} value={chosen} options={THEMES.map((value) => ({ value, label: t(`settings.theme_${value}`) }))} onChange={setTheme} />
      <Choices title={t("settings.text_size")} value={String(scale)} options={TEXT_SCALES.map((value) => ({ value: String(value), label: t("settings.text_percent", { percent: formats.number(value * 100) }) }))} onChange={(value) => setTextScale(Number(value))} />
      <p className={css.small}>{t("settings.text_sample")}</p>
      <Switch label={t("settings.less_motion")} hint={t("settings.less_motion_hint")} checked={useReadable(lessMotion)} onCheckedChange={setLessMotion} />
    </Section>
  );
}

function ChatSection() {
  const { t } = useTranslation();
  const { background, enterSends, linkPreviews } = useReadable(chatPreferences);
  return (
    <Section title={t("settings.chats_title")}>
      <div className={css.form}>
        <strong id="background">{t("settings.background")}</strong>
        <div className={css.swatches} role="radiogroup" aria-labelledby="background">
          {BACKGROUNDS.map((value) => (
            // oxlint-disable-next-line jsx-a11y/no-redundant-roles
            <button key={value} type="button" role="radio" aria-checked={value === background} className={css.swatch} onClick={() => setBackground(value)}>
              <span className={css.sample} data-background={value} aria-hidden="true" />
              <span>{t(`settings.background_${value}`)}</span>
            </button>
          ))}
        </div>
      </div>
      <Switch label={t("settings.enter_sends")} hint={enterSends ? t("settings.enter_sends_on") : t("settings.enter_sends_off")} checked={enterSends} onCheckedChange={setEnterSends} />
      <Switch label={t("settings.link_previews")} hint={t("settings.link_previews_hint")} checked={linkPreviews} onCheckedChange={setLinkPreviews} />
    </Section>
  );
}
