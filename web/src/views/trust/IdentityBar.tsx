import { ShieldAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import { Banner } from "../common/Banner";
import { Button } from "../common/Button";
import { useShowProblem } from "../common/Toasts";
import { useReadable } from "../use_readable";
import { useVerify } from "./use_verify";
import css from "./trust.module.css";

/** Somebody's keys are not those of before. Nothing while they are. */
export function IdentityBar({ userId }: { readonly userId: string }) {
  const { t } = useTranslation();
  const engine = useEngine();
  const showProblem = useShowProblem();
  const person = useReadable(engine.people.person(userId));
  const verify = useVerify();
  if (person.identityChanged !== true) return null;
  return (
    <div data-identity-changed={userId}>
      <Banner tone="danger" icon={ShieldAlert} announce>
        <p>{t("trust.changed", { name: `\u2068${person.name}\u2069` })}</p>
        <div className={css.barButtons}>
          <Button onClick={() => void engine.acceptIdentity(userId).catch(showProblem)}>{t("trust.accept_change")}</Button>
          <Button variant="primary" onClick={() => verify(userId)}>{t("trust.verify")}</Button>
        </div>
      </Banner>
    </div>
  );
}
