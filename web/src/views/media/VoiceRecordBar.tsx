import { useEffect, useEffectEvent, useRef, useState } from "react";
import { Mic, Pause, Send, Trash2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import { VOICE_DURATION_MS_MAX } from "@/domain/media/limits";
import type { Recorded, VoiceRecording } from "@/domain/media/ports";
import { IconButton } from "@/views/common/IconButton";
import { useFormats } from "@/views/common/locale";
import { useShowProblem } from "@/views/common/Toasts";
import { Waiting } from "@/views/common/Waiting";
import { useReadable } from "@/views/use_readable";
import { useMedia } from "./media_context";
import { playback } from "./playback";
import css from "./VoiceRecordBar.module.css";

export interface VoiceRecordBarProps {
  readonly onSend: (recorded: Recorded) => void;
  /** Also called when there is nothing to send (too short, no microphone), which is said. */
  readonly onClose: () => void;
}

/** Takes the composer's place while it is shown; recording begins with it. Escape throws it away, Enter sends. */
export function VoiceRecordBar({ onSend, onClose }: VoiceRecordBarProps) {
  const { t } = useTranslation();
  const media = useMedia();
  const showProblem = useShowProblem();
  const [recording, setRecording] = useState<VoiceRecording>();
  const fail = useEffectEvent((error: unknown) => {
    showProblem(error);
    onClose();
  });
  useEffect(() => {
    let isHere = true;
    let started: VoiceRecording | undefined;
    playback.stop();
    media.record().then(
      (made) => {
        started = made;
        if (isHere) setRecording(made);
        else made.cancel();
      },
      (error: unknown) => {
        if (isHere) fail(error);
      },
    );
    return () => {
      isHere = false;
      started?.cancel();
    };
  }, [media]);
  if (!recording) return <div className={css.bar}><Waiting sentence={t("media.microphone_waiting")} inline /></div>;
  return <Running recording={recording} onSend={onSend} onClose={onClose} />;
}

function Running({ recording, onSend, onClose }: VoiceRecordBarProps & { readonly recording: VoiceRecording }) {
  const { t } = useTranslation();
  const formats = useFormats();
  const showProblem = useShowProblem();
  const status = useReadable(recording.status);
  const isSending = useRef(false);
  const send = (): void => {
    if (isSending.current) return;
    isSending.current = true;
    recording.finish().then(onSend, showProblem).finally(onClose);
  };
  const cancel = (): void => {
    recording.cancel();
    onClose();
  };
  const sendButton = useRef<HTMLButtonElement>(null);
  const onKey = useEffectEvent((event: KeyboardEvent) => {
    if (event.key === "Escape" && !event.defaultPrevented) cancel();
  });
  useEffect(() => {
    // The composer, which had the focus, is gone.
    sendButton.current?.focus();
    const listen = (event: KeyboardEvent): void => onKey(event);
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, []);
  const isPaused = status.state === "paused";
  const durationMs = status.state === "failed" ? 0 : status.durationMs;
  const isFull = isPaused && durationMs >= VOICE_DURATION_MS_MAX;
  const levels = status.state === "recording" || status.state === "paused" ? status.levels : [];
  return (
    <div className={css.bar} role="group" aria-label={t("media.recording")}>
      <IconButton label={t("media.discard")} icon={Trash2} tone="danger" onClick={cancel} />
      <span className={isPaused ? css.still : css.live} aria-hidden="true" />
      <span className={css.time} role="timer" aria-label={t("media.recorded", { time: formats.clock(durationMs) })}>{formats.clock(durationMs)}</span>
      <Meter levels={levels} />
      {isFull && <span className={css.note} role="status">{t("media.recording_full")}</span>}
      {status.state === "failed" && <span className={css.note} role="alert">{t("problem.media_no_microphone")}</span>}
      {!isFull && <IconButton label={t(isPaused ? "media.resume" : "media.pause")} icon={isPaused ? Mic : Pause} onClick={() => (isPaused ? recording.resume() : recording.pause())} />}
      <IconButton label={t("media.send")} icon={Send} mirrored tone="accent" onClick={send} ref={sendButton} disabled={status.state === "failed"} />
    </div>
  );
}

function Meter({ levels }: { readonly levels: readonly number[] }) {
  const shown = [...Array.from({ length: Math.max(0, 64 - levels.length) }, () => 0), ...levels];
  return (
    <span className={css.meter} aria-hidden="true">
      {shown.map((level, index) => <span key={index} style={{ blockSize: `${Math.max(6, level * 100)}%` }} />)}
    </span>
  );
}
