import { ShieldAlert, ShieldCheck } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import { useLoaded } from "../info/use_loaded";
import { Waiting } from "../common/Waiting";
import css from "./trust.module.css";

/** The devices on which somebody reads what we write to them. */
export function DeviceList({ userId }: { readonly userId: string }) {
  const { t } = useTranslation();
  const engine = useEngine();
  const devices = useLoaded(() => engine.people.loadDevices(userId), userId);
  if (devices === "loading") return <Waiting inline sentence={t("info.loading_devices")} />;
  if (devices === "failed") return <p role="alert">{t("info.devices_failed")}</p>;
  if (devices.length === 0) return <p className={css.note}>{t("info.no_devices")}</p>;
  return (
    <ul className={css.devices}>
      {devices.map((device) => (
        <li key={device.deviceId} className={css.device}>
          {device.verified ? <ShieldCheck size={18} className={css.ok} role="img" aria-label={t("info.device_confirmed")} /> : <ShieldAlert size={18} className={css.bad} role="img" aria-label={t("info.device_unconfirmed")} />}
          <span><bdi>{device.name}</bdi><br /><bdi dir="ltr" className={css.note}>{device.deviceId}</bdi></span>
        </li>
      ))}
    </ul>
  );
}
