import { useState } from "react";
import { useTranslation } from "react-i18next";
import { parseScanned, type MatrixTarget } from "@/domain/invite_link";
import { Dialog } from "../common/Dialog";
import { QrScanner } from "../media/qr/QrScanner";
import css from "./invite.module.css";

/** Reads the code of a person, a group or a message from another screen or from paper. */
export function ScanDialog({ onTarget, onClose }: { readonly onTarget: (target: MatrixTarget) => void; readonly onClose: () => void }) {
  const { t } = useTranslation();
  const [isForeign, setIsForeign] = useState(false);
  const onFound = (text: string) => {
    const target = parseScanned(text);
    setIsForeign(target === undefined);
    if (target !== undefined) onTarget(target);
  };
  return (
    <Dialog open onOpenChange={onClose} title={t("invite.scan")} size="s">
      <QrScanner onFound={onFound} />
      {isForeign && <p role="alert" className={css.quiet}>{t("invite.foreign_code")}</p>}
    </Dialog>
  );
}
