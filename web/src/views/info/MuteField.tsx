import { useId } from "react";
import { useTranslation } from "react-i18next";
import type { ChatSummary } from "@/domain/engine";
import { describeMute, isMuted, MUTE_CHOICES, muteUntil } from "../chats/mute_entries";
import { useFormats } from "../common/locale";
import { useNow } from "../common/use_now";
import css from "./info.module.css";

/** Whether a chat is heard, and if not until when. */
export function MuteField({ summary, onChange }: { readonly summary: ChatSummary; readonly onChange: (mutedUntil: number | null) => void }) {
  const { t } = useTranslation();
  const formats = useFormats();
  const muted = isMuted(summary, useNow());
  const until = muted ? describeMute(summary, t, formats) : undefined;
  const id = useId();
  const choose = (value: string) => {
    const choice = MUTE_CHOICES.find((each) => each === value);
    onChange(choice === undefined ? null : muteUntil(choice, Date.now()));
  };
  return (
    <div className={css.field}>
      <label htmlFor={id} className={css.fieldName}>{t("info.notifications")}</label>
      <select id={id} className={css.select} data-info="mute" value={!muted ? "on" : until === undefined ? "always" : "until"} onChange={(event) => choose(event.target.value)}>
        <option value="on">{t("info.not_muted")}</option>
        {until !== undefined && <option value="until" disabled>{until}</option>}
        {MUTE_CHOICES.map((choice) => <option key={choice} value={choice}>{t(`info.mute_${choice}`)}</option>)}
      </select>
    </div>
  );
}
