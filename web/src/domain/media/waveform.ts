import { WAVEFORM_POINTS, WAVEFORM_SCALE } from "./limits";

/** Loudness of a recording as `points` whole numbers from 0 to 1024, the loudest part at full scale unless all is silence. */
export function computeWaveform(samples: Float32Array, points = WAVEFORM_POINTS): number[] {
  if (samples.length === 0) return [];
  const loudness: number[] = [];
  for (let index = 0; index < points; index++) {
    const from = Math.floor((index * samples.length) / points);
    const to = Math.max(from + 1, Math.floor(((index + 1) * samples.length) / points));
    // At most some thousand samples of each part are looked at: more changes nothing one could see.
    const step = Math.max(1, Math.floor((to - from) / 2_048));
    let sum = 0;
    let count = 0;
    for (let at = from; at < to; at += step, count++) sum += (samples[at] ?? 0) ** 2;
    loudness.push(Math.sqrt(sum / Math.max(1, count)));
  }
  return normaliseWaveform(loudness);
}

/** Below this, noise of the microphone would be blown up to full scale. */
const SILENCE = 0.004;

/** Levels 0..1 to whole numbers 0..1024. */
export function normaliseWaveform(levels: readonly number[]): number[] {
  const peak = Math.max(SILENCE, ...levels.filter(Number.isFinite));
  return levels.map((level) => (Number.isFinite(level) ? Math.max(0, Math.min(WAVEFORM_SCALE, Math.round((level / peak) * WAVEFORM_SCALE))) : 0));
}

/** Any number of levels as at most `points`, each the loudest of its part. */
export function resampleLevels(levels: readonly number[], points = WAVEFORM_POINTS): number[] {
  if (levels.length <= points) return [...levels];
  return Array.from({ length: points }, (_, index) => Math.max(...levels.slice(Math.floor((index * levels.length) / points), Math.floor(((index + 1) * levels.length) / points))));
}

/** Any number of points (0..1024, as senders claim) as `bars` heights from 0 to 1; a flat line if there are none. */
export function waveformBars(waveform: readonly number[], bars: number): number[] {
  if (waveform.length === 0) return Array.from({ length: bars }, () => 0);
  return Array.from({ length: bars }, (_, index) => {
    const from = Math.floor((index * waveform.length) / bars);
    const to = Math.max(from + 1, Math.floor(((index + 1) * waveform.length) / bars));
    const peak = Math.max(...waveform.slice(from, to).map((point) => (Number.isFinite(point) ? point : 0)));
    return Math.max(0, Math.min(1, peak / WAVEFORM_SCALE));
  });
}
