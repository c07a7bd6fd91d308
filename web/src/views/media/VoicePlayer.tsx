import { useMemo, type KeyboardEvent, type PointerEvent } from "react";
import { Pause, Play, RotateCw } from "lucide-react";
import { useTranslation } from "react-i18next";
import { waveformBars } from "@/domain/media/waveform";
import { useFormats } from "@/views/common/locale";
import { useReadable } from "@/views/use_readable";
import { useMedia } from "./media_context";
import { playback, type Track } from "./playback";
import { ProgressRing } from "./ProgressRing";
import css from "./VoicePlayer.module.css";

const BARS = 44;
const STEP_MS = 5_000;

export interface VoicePlayerProps {
  readonly track: Track;
  readonly waveform: readonly number[];
  /** Nobody has listened to it yet: a dot says so. */
  readonly isNew?: boolean;
}

/** A voice message: plays, seeks by pointer and arrow keys along its waveform, at 1, 1.5 or 2 times its speed. */
export function VoicePlayer({ track, waveform, isNew }: VoicePlayerProps) {
  const { t } = useTranslation();
  const formats = useFormats();
  const media = useMedia();
  const now = useReadable(playback.now);
  const rate = useReadable(playback.rate);
  const mine = now?.id === track.id ? now : undefined;
  const state = mine?.state ?? "paused";
  const positionMs = mine?.positionMs ?? 0;
  const leftMs = Math.max(0, track.durationMs - positionMs);
  const toggle = (): void => void playback.toggle(media, track);
  const label = state === "playing" ? t("media.pause") : state === "failed" ? t("ui.retry") : t("media.play");
  const Icon = state === "playing" ? Pause : state === "failed" ? RotateCw : Play;
  return (
    <div className={css.voice} role="group" aria-label={t("media.voice", { time: formats.clock(track.durationMs) })}>
      <button type="button" className={css.toggle} aria-label={label} title={label} onClick={toggle}>
        {state === "loading" ? <ProgressRing value={undefined} label={t("media.loading")} /> : <Icon size={22} aria-hidden="true" fill={state === "failed" ? "none" : "currentColor"} className={state === "paused" ? css.nudged : undefined} />}
      </button>
      <div className={css.middle}>
        <Waveform track={track} waveform={waveform} positionMs={positionMs} />
        <span className={css.below}>
          {mine?.problem ? <span role="alert">{t(`problem.${mine.problem}`)}</span> : <span className={css.time}>{formats.clock(positionMs > 0 ? leftMs : track.durationMs)}</span>}
          {isNew && <span className={css.dot} role="img" aria-label={t("media.not_heard")} />}
        </span>
      </div>
      <button type="button" className={css.rate} onClick={() => playback.nextRate()} aria-label={t("media.speed", { rate: formats.number(rate) })} title={t("media.speed", { rate: formats.number(rate) })}>
        {formats.number(rate)}×
      </button>
    </div>
  );
}

function Waveform({ track, waveform, positionMs }: { readonly track: Track; readonly waveform: readonly number[]; readonly positionMs: number }) {
  const { t } = useTranslation();
  const formats = useFormats();
  const bars = useMemo(() => waveformBars(waveform, BARS), [waveform]);
  const share = track.durationMs > 0 ? positionMs / track.durationMs : 0;
  // Time runs with the text: from the right in Arabic.
  const isRtl = (element: Element): boolean => getComputedStyle(element).direction === "rtl";
  const seekTo = (event: PointerEvent<HTMLDivElement>): void => {
    const box = event.currentTarget.getBoundingClientRect();
    const along = isRtl(event.currentTarget) ? box.right - event.clientX : event.clientX - box.left;
    playback.seek(track, (along / box.width) * track.durationMs);
  };
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>): void => {
    const forward = isRtl(event.currentTarget) ? "ArrowLeft" : "ArrowRight";
    const backward = isRtl(event.currentTarget) ? "ArrowRight" : "ArrowLeft";
    const to = { [forward]: positionMs + STEP_MS, [backward]: positionMs - STEP_MS, ArrowUp: positionMs + STEP_MS, ArrowDown: positionMs - STEP_MS, Home: 0, End: track.durationMs - 500 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    playback.seek(track, to);
  };
  return (
    <div
      className={css.waveform}
      role="slider"
      tabIndex={0}
      aria-label={t("media.position")}
      aria-valuemin={0}
      aria-valuemax={Math.round(track.durationMs / 1_000)}
      aria-valuenow={Math.round(positionMs / 1_000)}
      aria-valuetext={formats.clock(positionMs)}
      onKeyDown={onKeyDown}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        seekTo(event);
      }}
      onPointerMove={(event) => {
        if (event.currentTarget.hasPointerCapture(event.pointerId)) seekTo(event);
      }}
    >
      {bars.map((height, index) => (
        <span key={index} className={(index + 0.5) / BARS <= share ? css.played : css.bar} style={{ blockSize: `${Math.max(10, height * 100)}%` }} />
      ))}
    </div>
  );
}
