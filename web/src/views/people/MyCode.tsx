import { useState } from "react";
import { Copy, Share2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useApp } from "@/app/app_context";
import { useEngine } from "@/app/engine_context";
import { buildLink } from "@/domain/invite_link";
import { Button } from "../common/Button";
import { Dialog } from "../common/Dialog";
import { showToast } from "../common/Toasts";
import { QrCode } from "../media/qr/QrCode";
import { ownAddress, share, mayShare } from "../invite/own_address";
import css from "../invite/invite.module.css";

/** "Write to me": one's own link and code. Who opens it sees one's card, and writes if they like. */
export function MyCodeDialog({ onClose }: { readonly onClose: () => void }) {
  const { t } = useTranslation();
  return <Dialog open onOpenChange={onClose} title={t("invite.my_code")} description={t("invite.my_code_text")} size="s"><MyCode /></Dialog>;
}

export function MyCode() {
  const { t } = useTranslation();
  const engine = useEngine();
  return <LinkBox link={buildLink(ownAddress(), { kind: "user", userId: engine.userId })} label={t("invite.my_code")} />;
}

/** A link as code, as text, and ready to be handed out. */
export function LinkBox({ link, label }: { readonly link: string; readonly label: string }) {
  const { t } = useTranslation();
  const { copyText } = useApp();
  const [isCopied, setIsCopied] = useState(false);
  const copy = () => void copyText(link).then(() => setIsCopied(true), () => showToast({ text: t("chat.copy_failed"), tone: "danger" }));
  return (
    <div className={css.linkBox} data-link={link}>
      <QrCode value={link} label={label} />
      <p className={css.link} dir="ltr">{link}</p>
      <div className={css.buttons}>
        <Button icon={Copy} variant="primary" onClick={copy}>{isCopied ? t("chat.copied") : t("invite.copy_link")}</Button>
        {mayShare() && <Button icon={Share2} onClick={() => void share(link)}>{t("invite.share")}</Button>}
      </div>
    </div>
  );
}
