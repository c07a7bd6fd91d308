import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import { may, mayActOn } from "@/domain/room_powers";
import { Avatar } from "../common/Avatar";
import { Button } from "../common/Button";
import { PersonText } from "../common/PersonText";
import { useShowProblem } from "../common/Toasts";
import { useReadable } from "../use_readable";
import { InfoSection } from "./parts";
import css from "./info.module.css";

const SHOWN_MAX = 50;

/** Who asks to be let in, for those who may do it. Nothing while nobody does. */
export function KnockRequests({ roomId }: { readonly roomId: string }) {
  const { t } = useTranslation();
  const engine = useEngine();
  const showProblem = useShowProblem();
  const chat = engine.openChat(roomId);
  const members = useReadable(chat.members);
  const care = engine.care(roomId);
  const { powers } = useReadable(care.details);
  const knocking = members.filter((each) => each.membership === "knock");
  if (knocking.length === 0 || !may(powers, "invite")) return null;
  return (
    <InfoSection title={t("info.knocks", { count: knocking.length })}>
      {knocking.slice(0, SHOWN_MAX).map((person) => (
        <div key={person.userId} className={css.knock} data-knock={person.userId}>
          <Avatar id={person.userId} name={person.name} size={36} />
          <span className={css.words}><PersonText className={css.personName}>{person.name}</PersonText><bdi dir="ltr" className={css.quiet}>{person.userId}</bdi></span>
          {mayActOn(powers, "remove", person.userId) && <Button variant="quiet" onClick={() => void chat.remove(person.userId).catch(showProblem)}>{t("info.refuse")}</Button>}
          <Button variant="primary" onClick={() => void care.admit(person.userId).catch(showProblem)}>{t("info.admit")}</Button>
        </div>
      ))}
    </InfoSection>
  );
}
