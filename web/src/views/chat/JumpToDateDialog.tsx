import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../common/Button";
import { Dialog } from "../common/Dialog";
import { TextField } from "../common/TextField";
import { useNow } from "../common/use_now";

export function JumpToDateDialog({ onJump, onClose }: { readonly onJump: (at: number) => void; readonly onClose: () => void }) {
  const { t } = useTranslation();
  const now = useNow();
  const [day, setDay] = useState("");
  const at = new Date(`${day}T00:00:00`).getTime();
  const jump = () => { onClose(); onJump(at); };
  return (
    <Dialog open onOpenChange={onClose} title={t("chat.jump_to_date")} size="s" footer={<Button variant="primary" disabled={Number.isNaN(at)} onClick={jump}>{t("chat.jump")}</Button>}>
      <TextField label={t("chat.date")} type="date" dir="ltr" max={new Date(now).toISOString().slice(0, 10)} value={day} onChange={(event) => setDay(event.target.value)} />
    </Dialog>
  );
}
