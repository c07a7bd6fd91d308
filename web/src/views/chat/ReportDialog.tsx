import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Chat } from "@/domain/engine";
import { Button } from "../common/Button";
import { Dialog } from "../common/Dialog";
import { TextField } from "../common/TextField";
import { showToast, useShowProblem } from "../common/Toasts";

/** eventId null: the whole chat. */
export function ReportDialog({ chat, eventId, onClose }: { readonly chat: Chat; readonly eventId: string | null; readonly onClose: () => void }) {
  const { t } = useTranslation();
  const showProblem = useShowProblem();
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const send = () => {
    setBusy(true);
    chat.report(eventId, reason.trim()).then(() => { showToast({ text: t("report.done") }); onClose(); }, (problem) => { setBusy(false); showProblem(problem); });
  };
  return (
    <Dialog open onOpenChange={onClose} title={eventId ? t("report.message") : t("report.chat")} description={t("report.description")} size="s" footer={<Button variant="danger" busy={busy && t("report.sending")} disabled={!reason.trim()} onClick={send}>{t("report.send")}</Button>}>
      <TextField label={t("report.reason")} multiline={3} maxLength={500} value={reason} onChange={(event) => setReason(event.target.value)} />
    </Dialog>
  );
}
