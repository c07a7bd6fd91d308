import { useEffect, useState } from "react";
import { ShieldQuestion } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Engine } from "@/domain/engine";
import type { Verification } from "@/domain/verification";
import { Button } from "../common/Button";
import { useShowProblem } from "../common/Toasts";
import { useReadable } from "../use_readable";
import { VerificationDialog } from "./VerificationDialog";
import css from "./trust.module.css";

/** Every comparison of keys that goes on: those that ask us as a card that interrupts nothing, those we take part in as a dialog. */
export function VerificationDialogs({ engine }: { readonly engine: Engine }) {
  const verifications = useReadable(engine.verifications);
  const [accepted, setAccepted] = useState<ReadonlySet<string>>(new Set());
  const takesPart = (each: Verification) => each.startedByMe || accepted.has(each.id);
  const asking = verifications.find((each) => each.step.name === "asking" && !takesPart(each));
  const shown = verifications.findLast(takesPart);
  useEffect(() => {
    // What ended before we answered it (or was answered on another device) needs no word.
    for (const each of verifications) if (!takesPart(each) && (each.step.name === "cancelled" || each.step.name === "done")) each.dismiss();
  });
  return <>
    {asking && <IncomingRequest key={asking.id} engine={engine} verification={asking} onAccepted={() => setAccepted((before) => new Set([...before, asking.id]))} />}
    {shown && <VerificationDialog key={shown.id} engine={engine} verification={shown} />}
  </>;
}

function IncomingRequest({ engine, verification, onAccepted }: { readonly engine: Engine; readonly verification: Verification; readonly onAccepted: () => void }) {
  const { t } = useTranslation();
  const showProblem = useShowProblem();
  const person = useReadable(engine.people.person(verification.userId));
  const accept = () => {
    onAccepted();
    verification.accept().catch(showProblem);
  };
  return (
    <section className={css.card} role="alert" data-verification-request>
      <ShieldQuestion size={28} aria-hidden="true" className={css.cardIcon} />
      <div className={css.cardText}>
        <p className={css.strong}>{verification.isOwnDevice ? t("verify.device_asks_title") : t("verify.person_asks_title", { name: `\u2068${person.name}\u2069` })}</p>
        <p>{verification.isOwnDevice ? t("verify.device_asks") : t("verify.person_asks")}</p>
        <div className={css.buttons}>
          <Button onClick={() => void verification.cancel().catch(showProblem)}>{t("verify.refuse")}</Button>
          <Button variant="primary" onClick={accept} data-verify="accept">{t("verify.accept")}</Button>
        </div>
      </div>
    </section>
  );
}
