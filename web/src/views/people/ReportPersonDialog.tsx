import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import type { Person } from "@/domain/engine";
import { Button } from "../common/Button";
import { Dialog } from "../common/Dialog";
import { Switch } from "../common/Switch";
import { TextField } from "../common/TextField";
import { showToast, useShowProblem } from "../common/Toasts";

/** Tells the administrators of the server about somebody, and blocks them if one likes. */
export function ReportPersonDialog({ person, onClose }: { readonly person: Person; readonly onClose: () => void }) {
  const { t } = useTranslation();
  const engine = useEngine();
  const showProblem = useShowProblem();
  const [reason, setReason] = useState("");
  const [blocks, setBlocks] = useState(true);
  const [isBusy, setBusy] = useState(false);
  const send = () => {
    setBusy(true);
    const work = async (): Promise<void> => {
      await engine.people.report(person.userId, reason.trim());
      if (blocks) await engine.setBlocked(person.userId, true);
    };
    work().then(() => { showToast({ text: t("report.done") }); onClose(); }, (problem: unknown) => { setBusy(false); showProblem(problem); });
  };
  return (
    <Dialog open onOpenChange={onClose} title={t("people.report", { name: `\u2068${person.name}\u2069` })} description={t("people.report_text")} size="s" footer={<Button variant="danger" busy={isBusy && t("report.sending")} disabled={!reason.trim()} onClick={send}>{t("report.send")}</Button>}>
      <TextField label={t("report.reason")} multiline={3} maxLength={500} value={reason} onChange={(event) => setReason(event.target.value)} />
      <Switch label={t("people.block_too")} checked={blocks} onCheckedChange={setBlocks} />
    </Dialog>
  );
}
