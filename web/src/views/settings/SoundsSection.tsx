import { Volume2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import { notifyHere, setNotifyHere } from "@/app/device_settings";
import { playSound } from "@/app/notify";
import { SOUND_KINDS } from "@/domain/sounds";
import { IconButton } from "../common/IconButton";
import { Switch } from "../common/Switch";
import { useReadable } from "../use_readable";
import { Section } from "./parts";
import css from "./settings.module.css";

/** Which sounds this browser makes; each can be tried. */
export function SoundsSection() {
  const { t } = useTranslation();
  const { sounds } = useReadable(notifyHere);
  return (
    <Section title={t("settings.sounds")} text={t("settings.sounds_text")}>
      {SOUND_KINDS.map((kind) => (
        <div key={kind} className={css.switchRow}>
          <Switch label={t(`settings.sound_${kind}`)} checked={sounds[kind]} onCheckedChange={(isOn) => setNotifyHere({ sounds: { ...sounds, [kind]: isOn } })} />
          <IconButton label={t("settings.sound_try", { name: t(`settings.sound_${kind}`) })} icon={Volume2} onClick={() => playSound(kind)} />
        </div>
      ))}
    </Section>
  );
}
