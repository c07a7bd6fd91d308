import { useEffect, useState } from "react";
import { Copy, QrCode as QrIcon } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useApp } from "@/app/app_context";
import { useEngine } from "@/app/engine_context";
import { buildHash } from "@/app/routes";
import { Banner } from "../common/Banner";
import { Button } from "../common/Button";
import { useFormats } from "../common/locale";
import { showToast, useShowProblem } from "../common/Toasts";
import { QrCode } from "../media/qr/QrCode";
import { Buttons, PasswordDialog, Section } from "./parts";
import css from "./settings.module.css";

interface Linking {
  readonly link: string;
  readonly expiresAt: number;
}

/** A QR code with a one-time token: scanned with another device's camera, it signs in there. */
export function LinkDevice({ onLinked }: { readonly onLinked: () => Promise<void> }) {
  const { t } = useTranslation();
  const { own, userId } = useEngine();
  const [isAsking, setIsAsking] = useState(false);
  const [linking, setLinking] = useState<Linking>();
  const finish = (): void => {
    setLinking(undefined);
    void onLinked();
  };
  return (
    <Section title={t("settings.link_title")} text={t("settings.link_text")}>
      {linking ? <LinkCode linking={linking} onDone={finish} /> : <Buttons><Button icon={QrIcon} variant="primary" onClick={() => setIsAsking(true)}>{t("settings.link_start")}</Button></Buttons>}
      {isAsking && (
        <PasswordDialog
          title={t("settings.link_title")}
          description={t("settings.link_password")}
          confirm={t("settings.link_show")}
          busy={t("settings.working")}
          onConfirm={async (password) => {
            const { token, expiresAt } = await own.linkDevice(password);
            setLinking({ link: `${location.origin}/${buildHash({ page: "login", token, userId })}`, expiresAt });
          }}
          onClose={() => setIsAsking(false)}
        />
      )}
    </Section>
  );
}

function LinkCode({ linking, onDone }: { readonly linking: Linking; readonly onDone: () => void }) {
  const { t } = useTranslation();
  const formats = useFormats();
  const { copyText } = useApp();
  const showProblem = useShowProblem();
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  const left = Math.max(0, linking.expiresAt - now);
  if (left === 0) {
    return (
      <>
        <Banner tone="warn" rounded announce>{t("settings.link_expired")}</Banner>
        <Buttons><Button variant="primary" onClick={onDone}>{t("ui.done")}</Button></Buttons>
      </>
    );
  }
  return (
    <div className={css.center} data-login-link={linking.link}>
      <QrCode value={linking.link} label={t("settings.link_qr")} />
      <p role="timer">{t("settings.link_left", { time: formats.clock(left) })}</p>
      <Banner tone="warn" rounded>{t("settings.link_warning")}</Banner>
      <Buttons>
        <Button icon={Copy} onClick={() => void copyText(linking.link).then(() => showToast({ text: t("settings.copied") }), showProblem)}>{t("settings.link_copy_once")}</Button>
        <Button variant="primary" onClick={onDone}>{t("ui.done")}</Button>
      </Buttons>
    </div>
  );
}
