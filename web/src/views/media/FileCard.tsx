import { useRef, useState } from "react";
import { Download, FileText, Music, RotateCw, TriangleAlert, X } from "lucide-react";
import { useTranslation } from "react-i18next";
import { mayRun } from "@/domain/media/file_name";
import type { MediaSource } from "@/domain/message";
import { Problem } from "@/domain/problem";
import { ConfirmDialog } from "@/views/common/Dialog";
import { useFormats } from "@/views/common/locale";
import { useMedia } from "./media_context";
import { ProgressRing } from "./ProgressRing";
import css from "./FileCard.module.css";

export interface FileCardProps {
  readonly source: MediaSource;
  readonly name: string;
  readonly kind?: "file" | "audio";
  /** Set while it is on its way out; 0..1. */
  readonly upload?: number;
  readonly onCancel?: () => void;
  /** Set if sending failed. */
  readonly onRetry?: () => void;
}

/** A file to save, with its progress; a program is asked about first. */
export function FileCard({ source, name, kind = "file", upload, onCancel, onRetry }: FileCardProps) {
  const { t } = useTranslation();
  const formats = useFormats();
  const { progress, isSaving, problem, save, cancel } = useSaving(source, name);
  const [isAsking, setAsking] = useState(false);
  const isBusy = upload !== undefined || isSaving;
  const Icon = kind === "audio" ? Music : FileText;
  const act = onRetry ?? (isBusy ? (upload === undefined ? cancel : onCancel) : () => (mayRun(name) ? setAsking(true) : save()));
  const label = onRetry ? t("ui.retry") : t(isBusy ? "media.cancel_named" : "media.save_named", { name });
  const value = upload ?? progress;
  return (
    <div className={css.card}>
      <button type="button" className={css.action} aria-label={label} title={label} onClick={act} disabled={!act}>
        {isBusy && <span className={css.ring}><ProgressRing value={value} label={t(upload === undefined ? "media.loading" : "media.sending")} /></span>}
        {onRetry ? <RotateCw size={20} aria-hidden="true" /> : isBusy ? <X size={20} aria-hidden="true" /> : <Icon size={22} aria-hidden="true" />}
      </button>
      <div className={css.text}>
        <span className={css.name} title={name}><bdi>{name}</bdi></span>
        <span className={problem ? css.problem : css.detail} role={problem ? "alert" : undefined}>
          {problem ? <><TriangleAlert size={14} aria-hidden="true" /> {t(`problem.${problem}`)}</> : detail(formats.bytes(source.size), source.size, value, isBusy, formats.number)}
        </span>
      </div>
      {!isBusy && !onRetry && <Download size={18} className={css.hint} aria-hidden="true" />}
      <ConfirmDialog open={isAsking} onOpenChange={setAsking} title={t("media.program_title")} description={t("media.program_text", { name })} confirm={t("ui.save")} danger onConfirm={save} />
    </div>
  );
}

function detail(size: string, bytes: number, value: number | undefined, isBusy: boolean, number: (value: number) => string): string {
  const known = bytes > 0 ? size : "";
  return isBusy && value !== undefined ? [`${number(Math.round(value * 100))}%`, known].filter(Boolean).join(" · ") : known;
}

function useSaving(source: MediaSource, name: string) {
  const media = useMedia();
  const abort = useRef<AbortController>(null);
  const [progress, setProgress] = useState<number>();
  const [isSaving, setSaving] = useState(false);
  const [problem, setProblem] = useState<string>();
  const save = (): void => {
    const controller = new AbortController();
    abort.current = controller;
    setProblem(undefined);
    setProgress(undefined);
    setSaving(true);
    media
      .save(source, name, { signal: controller.signal, onProgress: (done, total) => setProgress(total > 0 ? done / total : undefined) })
      .catch((error: unknown) => {
        if (!controller.signal.aborted) setProblem(error instanceof Problem ? error.code : "media_broken");
      })
      .finally(() => setSaving(false));
  };
  return { progress, isSaving, problem, save, cancel: () => abort.current?.abort() };
}
