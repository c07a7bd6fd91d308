import { useState } from "react";
import { LocateFixed } from "lucide-react";
import { useTranslation } from "react-i18next";
import { formatDecimal, type Coordinates } from "@/domain/location";
import { Banner } from "../common/Banner";
import { Button } from "../common/Button";
import { Dialog } from "../common/Dialog";
import { useFormats } from "../common/locale";
import { TextField } from "../common/TextField";
import css from "./SendDialogs.module.css";

const wait_ms_max = 15_000;

/** Here, from the device, or coordinates typed in. Nothing is asked of any map service. */
export function LocationDialog({ onClose, onSend }: { readonly onClose: () => void; readonly onSend: (place: Coordinates, label: string) => void }) {
  const { t } = useTranslation();
  const [place, setPlace] = useState("");
  /** Of the device; what is typed in is as exact as it says. */
  const [accuracy, setAccuracy] = useState<number>();
  const formats = useFormats();
  const [label, setLabel] = useState("");
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState(false);
  const numbers = place.split(/[,\s،]+/u).filter(Boolean).map(Number);
  const [latitude = NaN, longitude = NaN] = numbers;
  const valid = numbers.length === 2 && Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180;
  const locate = () => {
    setBusy(true);
    setFailed(false);
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => { setBusy(false); setPlace(formatDecimal(coords)); setAccuracy(coords.accuracy > 0 ? coords.accuracy : undefined); },
      () => { setBusy(false); setFailed(true); },
      { timeout: wait_ms_max, enableHighAccuracy: true },
    );
  };
  const send = () => { onSend({ latitude, longitude, ...(accuracy === undefined ? {} : { uncertaintyM: accuracy }) }, label.trim()); onClose(); };
  return (
    <Dialog open onOpenChange={onClose} title={t("location.title")} description={t("location.description")} footer={<Button variant="primary" disabled={!valid} onClick={send}>{t("composer.send")}</Button>}>
      <div className={css.stack}>
        <Button icon={LocateFixed} onClick={locate} busy={busy && t("location.locating")}>{t("location.here")}</Button>
        {failed && <Banner tone="warn" announce rounded>{t("location.failed")}</Banner>}
        <TextField label={t("location.coordinates")} placeholder="33.51380, 36.27650" dir="ltr" inputMode="text" value={place} onChange={(event) => { setPlace(event.target.value); setAccuracy(undefined); }} hint={accuracy !== undefined && t("chat.location_accuracy", { distance: formats.distance(accuracy) })} error={place !== "" && !valid && t("location.invalid")} />
        <TextField label={t("location.name")} value={label} maxLength={120} onChange={(event) => setLabel(event.target.value)} />
      </div>
    </Dialog>
  );
}
