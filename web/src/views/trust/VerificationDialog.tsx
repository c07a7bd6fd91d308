import { useState, type ReactNode } from "react";
import { ScanLine, ShieldAlert, ShieldCheck, Smile } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Engine } from "@/domain/engine";
import type { Verification } from "@/domain/verification";
import { Button } from "../common/Button";
import { Dialog } from "../common/Dialog";
import { EmptyState } from "../common/EmptyState";
import { useShowProblem } from "../common/Toasts";
import { Waiting } from "../common/Waiting";
import { QrCode } from "../media/qr/QrCode";
import { QrScanner } from "../media/qr/QrScanner";
import { useReadable } from "../use_readable";
import { EmojiGrid } from "./EmojiGrid";
import css from "./trust.module.css";

interface StepProps {
  readonly verification: Verification;
  /** The other side, in words. */
  readonly who: string;
}

/** One comparison of keys, from the question to its end. Closing it before the end calls it off. */
export function VerificationDialog({ engine, verification }: { readonly engine: Engine; readonly verification: Verification }) {
  const { t } = useTranslation();
  const person = useReadable(engine.people.person(verification.userId));
  const who = verification.isOwnDevice ? t("verify.other_device") : `\u2068${person.name}\u2069`;
  const { step } = verification;
  const isOver = step.name === "done" || step.name === "cancelled";
  const close = () => {
    if (isOver) verification.dismiss();
    else void verification.cancel().catch(() => undefined);
  };
  return (
    <Dialog
      open
      onOpenChange={close}
      title={verification.isOwnDevice ? t("verify.title_device") : t("verify.title_person", { name: who })}
      footer={<StepButtons verification={verification} who={who} />}
    >
      <div className={css.steps} data-verification-step={step.name}><StepBody verification={verification} who={who} /></div>
    </Dialog>
  );
}

function StepBody({ verification, who }: StepProps): ReactNode {
  const { t } = useTranslation();
  const { step } = verification;
  switch (step.name) {
    case "asked":
      return <Waiting sentence={verification.isOwnDevice ? t("verify.asked_device") : t("verify.asked_person", { name: who })} />;
    case "asking":
      return <Waiting sentence={t("verify.working")} />;
    case "choose":
      return <Choose verification={verification} who={who} />;
    case "working":
      return <Waiting sentence={t("verify.waiting_for", { name: who })} />;
    case "emoji":
      return <>
        <p>{verification.isOwnDevice ? t("verify.emoji_device") : t("verify.emoji_person", { name: who })}</p>
        <EmojiGrid emoji={step.emoji} />
      </>;
    case "scanned":
      return <EmptyState icon={ShieldCheck} title={t("verify.scanned_title")}>{t("verify.scanned", { name: who })}</EmptyState>;
    case "done":
      return <EmptyState icon={ShieldCheck} title={t("verify.done_title")}>{verification.isOwnDevice ? t("verify.done_device") : t("verify.done_person", { name: who })}</EmptyState>;
    case "cancelled":
      return <EmptyState icon={ShieldAlert} title={t(`verify.ended_${step.reason}_title`)}>{t(`verify.ended_${step.reason}_text`, { name: who })}</EmptyState>;
  }
}

/** Side by side a camera is quickest; far apart, emoji are read aloud over a call. */
function Choose({ verification, who }: StepProps) {
  const { t } = useTranslation();
  const showProblem = useShowProblem();
  const [isScanning, setIsScanning] = useState(false);
  const { step } = verification;
  if (step.name !== "choose") return null;
  if (isScanning) {
    return <>
      <QrScanner onFound={(_text, bytes) => { if (bytes) { setIsScanning(false); verification.scan(new Uint8ClampedArray(bytes)).catch(showProblem); } }} />
      <Button onClick={() => setIsScanning(false)}>{t("ui.back")}</Button>
    </>;
  }
  return <>
    <p>{t("verify.choose", { name: who })}</p>
    {step.qrCode && <>
      <QrCode value={new Uint8Array(step.qrCode)} label={t("verify.qr_label")} />
      <p className={css.note}>{t("verify.qr_hint", { name: who })}</p>
    </>}
    <div className={css.ways}>
      {step.canScan && <Button wide icon={ScanLine} onClick={() => setIsScanning(true)}>{t("verify.scan")}</Button>}
      <Button wide variant="primary" icon={Smile} onClick={() => void verification.compareEmoji().catch(showProblem)} data-verify="emoji">{t("verify.compare_emoji")}</Button>
    </div>
  </>;
}

function StepButtons({ verification }: StepProps) {
  const { t } = useTranslation();
  const showProblem = useShowProblem();
  const { step } = verification;
  if (step.name === "emoji" || step.name === "scanned") {
    return <>
      <Button variant="danger" onClick={() => verification.mismatch()} data-verify="mismatch">{step.name === "emoji" ? t("verify.mismatch") : t("verify.not_scanned")}</Button>
      <Button variant="primary" onClick={() => void verification.confirm().catch(showProblem)} data-verify="confirm">{step.name === "emoji" ? t("verify.match") : t("verify.yes_scanned")}</Button>
    </>;
  }
  if (step.name === "done" || step.name === "cancelled") return <Button variant="primary" onClick={() => verification.dismiss()} data-verify="close">{t("ui.close")}</Button>;
  return <Button variant="quiet" onClick={() => void verification.cancel().catch(showProblem)}>{t("ui.cancel")}</Button>;
}
