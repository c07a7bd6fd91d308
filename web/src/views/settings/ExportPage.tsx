import { useEffect, useRef, useState } from "react";
import { Download, X } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useApp } from "@/app/app_context";
import { useEngine } from "@/app/engine_context";
import type { ExportProgress, ExportResult } from "@/domain/export";
import { localpart } from "@/domain/matrix_id";
import type { MediaSource } from "@/domain/message";
import { Problem } from "@/domain/problem";
import { ProblemNote, toProblem } from "@/views/arrive/ProblemNote";
import { usePreview } from "../chat/use_preview";
import { Banner } from "../common/Banner";
import { Button } from "../common/Button";
import { useFormats } from "../common/locale";
import { Switch } from "../common/Switch";
import { useMedia } from "../media/media_context";
import { Buttons, Section } from "./parts";
import css from "./settings.module.css";

interface Options {
  readonly includesMedia: boolean;
  readonly includesOlder: boolean;
}

/** One file with everything: readable pages for people, JSON for programs. */
export default function ExportPage() {
  const { t } = useTranslation();
  const [options, setOptions] = useState<Options>({ includesMedia: true, includesOlder: true });
  const { progress, result, problem, start, cancel } = useExport(options);
  const isRunning = progress !== undefined && result === undefined && problem === null;
  return (
    <>
      <Section title={t("settings.export_title")} text={t("settings.export_text")}>
        <Switch label={t("settings.export_media")} checked={options.includesMedia} disabled={isRunning} onCheckedChange={(includesMedia) => setOptions({ ...options, includesMedia })} />
        <Switch label={t("settings.export_older")} hint={t("settings.export_older_hint")} checked={options.includesOlder} disabled={isRunning} onCheckedChange={(includesOlder) => setOptions({ ...options, includesOlder })} />
        <Banner tone="warn" rounded>{t("settings.export_warning")}</Banner>
        <Buttons>
          {isRunning ? <Button icon={X} onClick={cancel}>{t("settings.export_cancel")}</Button> : <Button icon={Download} variant="primary" onClick={start}>{t("settings.export_start")}</Button>}
        </Buttons>
      </Section>
      {progress && problem === null && <ProgressSection progress={progress} result={result} />}
      <ProblemNote problem={problem} />
    </>
  );
}

function ProgressSection({ progress, result }: { readonly progress: ExportProgress; readonly result: ExportResult | undefined }) {
  const { t } = useTranslation();
  const formats = useFormats();
  const { chatsDone, chatsTotal, chatName, messages, files, bytes } = progress;
  return (
    <Section title={result ? t("settings.export_done") : t("settings.export_running")}>
      <progress className={css.progress} value={result ? 1 : chatsDone} max={result ? 1 : Math.max(1, chatsTotal)} aria-label={t("settings.export_running")} />
      {!result && chatName !== "" && <p className={css.text}>{t("settings.export_chat", { name: chatName, done: chatsDone, total: chatsTotal })}</p>}
      <p className={css.small} role="status" data-export={result ? "done" : "running"}>{t("settings.export_counts", { messages, files, size: formats.bytes(bytes) })}</p>
      {result && result.missingFiles > 0 && <Banner tone="warn" rounded>{t("settings.export_missing", { count: result.missingFiles })}</Banner>}
      {result && result.incompleteChats > 0 && <Banner tone="warn" rounded>{t("settings.export_incomplete", { count: result.incompleteChats })}</Banner>}
    </Section>
  );
}

interface Running {
  readonly progress: ExportProgress | undefined;
  readonly result: ExportResult | undefined;
  readonly problem: Problem | null;
  start(): void;
  cancel(): void;
}

const SHOWN_EVERY_MS = 150;

function useExport(options: Options): Running {
  const { t, i18n } = useTranslation();
  const formats = useFormats();
  const describe = usePreview();
  const media = useMedia();
  const { saveFile } = useApp();
  const engine = useEngine();
  const [progress, setProgress] = useState<ExportProgress>();
  const [result, setResult] = useState<ExportResult>();
  const [problem, setProblem] = useState<Problem | null>(null);
  const abort = useRef<AbortController>(undefined);
  useEffect(() => () => abort.current?.abort(), []);
  const loadMedia = async (source: MediaSource, signal: AbortSignal): Promise<{ blob: Blob; mimeType: string }> => {
    const opened = await media.open(source, { signal });
    opened.release();
    return { blob: opened.blob, mimeType: opened.mimeType };
  };
  const run = async (signal: AbortSignal): Promise<void> => {
    const parts: (Uint8Array<ArrayBuffer> | Blob)[] = [];
    let shownAt = 0;
    const done = await engine.own.export({
      ...options,
      signal,
      loadMedia,
      write: (part) => void parts.push(part),
      onProgress(next) {
        if (Date.now() - shownAt < SHOWN_EVERY_MS) return;
        shownAt = Date.now();
        setProgress(next);
      },
      texts: {
        language: i18n.language,
        isRightToLeft: i18n.dir() === "rtl",
        title: t("settings.export_file_title", { user: engine.userId }),
        intro: t("settings.export_file_intro", { time: formats.dateTime(Date.now()) }),
        incomplete: t("settings.export_file_incomplete"),
        missingFile: t("settings.export_file_missing"),
        edited: t("settings.export_file_edited"),
        describe,
        time: formats.dateTime,
      },
    });
    saveFile(`zajil-${localpart(engine.userId).replace(/[^\w.-]/gu, "-")}-${new Date().toISOString().slice(0, 10)}.zip`, new Blob(parts, { type: "application/zip" }));
    setProgress(done);
    setResult(done);
  };
  return {
    progress,
    result,
    problem,
    start() {
      const controller = new AbortController();
      abort.current = controller;
      setProgress({ chatsDone: 0, chatsTotal: 0, chatName: "", messages: 0, files: 0, bytes: 0 });
      setResult(undefined);
      setProblem(null);
      run(controller.signal).catch((error: unknown) => setProblem(controller.signal.aborted ? new Problem("export_cancelled") : toProblem(error)));
    },
    cancel: () => abort.current?.abort(),
  };
}
