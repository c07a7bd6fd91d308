import { useId } from "react";
import { Images, MessagesSquare, Pin, Star } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import { DISAPPEAR_CHOICES_S, nearestChoice } from "@/domain/disappearing";
import { may } from "@/domain/room_powers";
import { useFormats } from "../common/locale";
import { useShowProblem } from "../common/Toasts";
import { useReadable } from "../use_readable";
import type { InfoPageName } from "./InfoPane";
import { LockSwitch } from "./LockSwitch";
import { MuteField } from "./MuteField";
import { InfoRow, InfoSection } from "./parts";
import css from "./info.module.css";

/** What every chat has: kept messages, files, sound, and how long messages stay. */
export function ChatSection({ roomId, onPage, onThreads }: { readonly roomId: string; readonly onPage: (page: InfoPageName) => void; readonly onThreads: () => void }) {
  const { t } = useTranslation();
  const formats = useFormats();
  const engine = useEngine();
  const showProblem = useShowProblem();
  const chat = engine.openChat(roomId);
  const summary = useReadable(chat.summary);
  const { pinned, starred, powers } = useReadable(engine.care(roomId).details);
  const id = useId();
  // A zero says nothing that the empty page does not say; the Arabic one is a mere dot.
  const count = (many: number) => (many > 0 ? formats.number(many) : undefined);
  return (
    <InfoSection>
      <InfoRow icon={Images} label={t("info.gallery")} leads onClick={() => onPage("gallery")} name="gallery" />
      <InfoRow icon={Star} label={t("info.starred")} value={count(starred.length)} leads onClick={() => onPage("starred")} name="starred" />
      {(pinned.length > 0 || summary.kind !== "direct") && <InfoRow icon={Pin} label={t("info.pinned")} value={count(pinned.length)} leads onClick={() => onPage("pinned")} name="pinned" />}
      {summary.kind !== "community" && <InfoRow icon={MessagesSquare} label={t("thread.all")} leads onClick={onThreads} name="threads" />}
      <MuteField summary={summary} onChange={(mutedUntil) => void chat.setListFlags({ mutedUntil }).catch(showProblem)} />
      {summary.kind !== "community" && <LockSwitch roomId={roomId} />}
      {summary.kind !== "community" && (
        <div className={css.field}>
          <label htmlFor={id} className={css.fieldName}>{t("info.disappearing")}</label>
          <select id={id} className={css.select} disabled={!may(powers, "disappearing")} value={nearestChoice(summary.disappearAfterS)} onChange={(event) => void chat.setDisappearAfter(Number(event.target.value)).catch(showProblem)}>
            {DISAPPEAR_CHOICES_S.map((seconds) => <option key={seconds} value={seconds}>{seconds === 0 ? t("info.disappear_off") : formats.duration(seconds)}</option>)}
          </select>
          <span className={css.quiet}>{t("info.disappearing_hint")}</span>
        </div>
      )}
    </InfoSection>
  );
}
