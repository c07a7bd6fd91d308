import { useCallback, useEffect, useState, type CSSProperties } from "react";
import { Eraser, RefreshCw, ShieldPlus } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import { askForPersistence, measureApp, readPersistence, type Persistence } from "@/app/storage";
import type { MediaUsage } from "@/domain/media/ports";
import type { DeviceUse } from "@/domain/storage_use";
import { Banner } from "../common/Banner";
import { Button } from "../common/Button";
import { useFormats } from "../common/locale";
import { showToast, useShowProblem } from "../common/Toasts";
import { Waiting } from "../common/Waiting";
import { useMedia } from "../media/media_context";
import { Buttons, Item, List, Section } from "./parts";
import css from "./settings.module.css";
import { useChange } from "./use_change";

interface Measured {
  readonly use: DeviceUse;
  readonly media: MediaUsage;
  readonly appBytes: number;
  readonly persistence: Persistence;
}

const COLOURS = ["var(--avatar-1)", "var(--avatar-2)", "var(--avatar-3)", "var(--avatar-4)", "var(--avatar-7)"] as const;

/** What this device keeps, part by part; what is left of the browser's sum are keys and what it needs itself. */
export default function StoragePage() {
  const { t } = useTranslation();
  const { storage } = useEngine().own;
  const media = useMedia();
  const showProblem = useShowProblem();
  const [measured, setMeasured] = useState<Measured>();
  const measure = useCallback(async () => {
    const [use, usage, appBytes, persistence] = await Promise.all([storage.measure(), media.usage(), measureApp(), readPersistence()]);
    setMeasured({ use, media: usage, appBytes, persistence });
  }, [storage, media]);
  useEffect(() => void measure().catch(showProblem), [measure]); // oxlint-disable-line react/exhaustive-deps -- once
  if (measured === undefined) return <Waiting sentence={t("settings.measuring")} />;
  return (
    <>
      <PartsSection measured={measured} onChanged={measure} />
      <KeepSection persistence={measured.persistence} onChanged={measure} />
    </>
  );
}

function PartsSection({ measured, onChanged }: { readonly measured: Measured; readonly onChanged: () => Promise<void> }) {
  const { t } = useTranslation();
  const formats = useFormats();
  const media = useMedia();
  const { storage } = useEngine().own;
  const change = useChange();
  const { use, media: usage, appBytes } = measured;
  const known = use.messages.bytes + use.search.bytes + use.waiting.bytes + usage.offlineBytes + appBytes;
  const rest = Math.max(0, usage.siteBytes - known);
  const total = Math.max(known, usage.siteBytes, 1);
  const parts = [
    { key: "messages", bytes: use.messages.bytes, note: t("settings.storage_messages_count", { count: use.messages.count }) },
    { key: "media", bytes: usage.offlineBytes, note: t("settings.storage_media_text") },
    { key: "search", bytes: use.search.bytes, note: t("settings.storage_search_text") },
    { key: "app", bytes: appBytes, note: t("settings.storage_app_text") },
    { key: "rest", bytes: rest, note: t("settings.storage_rest_text") },
  ];
  const clearMedia = (): void => change.run(async () => {
    await media.clearOffline();
    await onChanged();
    showToast({ text: t("settings.media_cleared") });
  });
  const rebuild = (): void => change.run(async () => {
    await storage.rebuildSearch();
    await onChanged();
    showToast({ text: t("settings.search_rebuilt") });
  });
  return (
    <Section title={t("settings.storage_title", { size: formats.bytes(Math.max(known, usage.siteBytes)) })} text={usage.siteBytesMax > 0 ? t("settings.storage_max", { size: formats.bytes(usage.siteBytesMax) }) : undefined}>
      <div className={css.bar} aria-hidden="true">
        {parts.map(({ key, bytes }, at) => <span key={key} style={{ "--part": COLOURS[at], inlineSize: `${(bytes / total) * 100}%` } as CSSProperties} />)}
      </div>
      <List>
        {parts.map(({ key, bytes, note }, at) => (
          <Item key={key} name={t(`settings.storage_${key}`)} picture={<span className={css.dot} style={{ "--part": COLOURS[at] } as CSSProperties} />} actions={<span>{formats.bytes(bytes)}</span>}>
            <span className={css.small}>{note}</span>
          </Item>
        ))}
      </List>
      {use.waiting.count > 0 && <Banner tone="info" rounded>{t("settings.storage_waiting", { count: use.waiting.count })}</Banner>}
      <Buttons>
        <Button icon={Eraser} busy={change.isBusy && t("settings.working")} onClick={clearMedia}>{t("settings.media_clear")}</Button>
        <Button icon={RefreshCw} busy={change.isBusy && t("settings.working")} onClick={rebuild}>{t("settings.search_rebuild")}</Button>
      </Buttons>
      <p className={css.small}>{t("settings.media_clear_text")}</p>
    </Section>
  );
}

function KeepSection({ persistence, onChanged }: { readonly persistence: Persistence; readonly onChanged: () => Promise<void> }) {
  const { t } = useTranslation();
  const change = useChange();
  const ask = (): void => change.run(async () => {
    const answer = await askForPersistence();
    if (answer !== "kept") showToast({ text: t("settings.keep_refused") });
    await onChanged();
  });
  return (
    <Section title={t("settings.keep_title")}>
      <Banner tone={persistence === "kept" ? "ok" : "warn"} rounded>{persistence === "kept" ? t("settings.keep_kept") : persistence === "may-go" ? t("settings.keep_may_go") : t("settings.keep_unknown")}</Banner>
      {persistence === "may-go" && <Buttons><Button icon={ShieldPlus} variant="primary" busy={change.isBusy && t("settings.working")} onClick={ask}>{t("settings.keep_ask")}</Button></Buttons>}
    </Section>
  );
}
