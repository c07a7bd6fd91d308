import { useEffect, useState } from "react";
import { CloudOff, Hourglass } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import type { Connection } from "@/domain/engine";
import { useReadable } from "../use_readable";
import { Banner } from "../common/Banner";
import { useFormats } from "../common/locale";

/** A moment without connection is no news. */
const quiet_ms = 2_500;

/** What is wrong with the connection or the service, since when, and where to read more. Nothing while all is well. */
export function ConnectionBanner() {
  const { t } = useTranslation();
  const engine = useEngine();
  const connection = useReadable(engine.connection);
  const [late, setLate] = useState(false);
  useEffect(() => {
    setLate(false);
    if (connection.state === "online") return undefined;
    const timer = setTimeout(() => setLate(true), quiet_ms);
    return () => clearTimeout(timer);
  }, [connection.state]);
  if (connection.state === "online" || connection.state === "ended" || (connection.state === "starting" && !late)) return null;
  return <section aria-label={t("connection.label")}><Told connection={connection} /></section>;
}

function Told({ connection }: { readonly connection: Exclude<Connection, { state: "online" | "ended" }> }) {
  const { t } = useTranslation();
  const formats = useFormats();
  if (connection.state === "starting") return <Banner announce>{t("connection.starting")}</Banner>;
  if (connection.state === "offline" || connection.state === "busy") return <Waiting connection={connection} />;
  return (
    <Banner announce tone={connection.state === "outage" ? "danger" : "warn"} action={connection.link && <a href={connection.link} target="_blank" rel="noopener noreferrer">{t("connection.read_more")}</a>}>
      {t(`connection.${connection.state}`, { time: formats.time(connection.since) })}
    </Banner>
  );
}

function Waiting({ connection }: { readonly connection: Extract<Connection, { state: "offline" | "busy" }> }) {
  const { t } = useTranslation();
  const formats = useFormats();
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  const wait_s = connection.retryAt === undefined ? 0 : Math.ceil((connection.retryAt - now) / 1000);
  return (
    <Banner tone="warn" icon={connection.state === "busy" ? Hourglass : CloudOff} action={<a href="/status" target="_blank" rel="noopener noreferrer">{t("connection.read_more")}</a>}>
      <span role="status">{t(`connection.${connection.state}`, { time: formats.time(connection.since) })}</span>{" "}
      {wait_s > 0 && t("connection.retry_in", { time: formats.duration(wait_s) })}
    </Banner>
  );
}
