/** As domain/sounds.ts has them. */
export type SoundKind = "message" | "mention" | "invite" | "sent";

/** When each note begins (s), its frequency (Hz), how loud (0..1) and how long (s). Made here: no file has to be loaded. */
type Note = readonly [at: number, frequency: number, loudness: number, length: number];

const NOTES: Readonly<Record<SoundKind, readonly Note[]>> = {
  message: [[0, 660, 0.12, 0.22], [0.11, 880, 0.12, 0.22]],
  mention: [[0, 784, 0.13, 0.16], [0.1, 988, 0.13, 0.16], [0.2, 1_319, 0.13, 0.3]],
  invite: [[0, 523, 0.12, 0.3], [0.16, 784, 0.12, 0.36]],
  sent: [[0, 1_175, 0.05, 0.09]],
};
const ATTACK_S = 0.02;
const SILENCE = 0.0001;
/** Many messages at once are one sound. */
const PAUSE_MS = 1_000;

let audio: AudioContext | undefined;
const playedAt = new Map<SoundKind, number>();

/** Puts a sound's notes into an audio graph, to begin at `start` seconds of its clock. */
export function scheduleSound(context: BaseAudioContext, kind: SoundKind, start: number): void {
  for (const [at, frequency, loudness, length] of NOTES[kind]) {
    const tone = context.createOscillator();
    const volume = context.createGain();
    const begin = start + at;
    tone.frequency.value = frequency;
    volume.gain.setValueAtTime(SILENCE, begin);
    volume.gain.exponentialRampToValueAtTime(loudness, begin + ATTACK_S);
    volume.gain.exponentialRampToValueAtTime(SILENCE, begin + length);
    tone.connect(volume).connect(context.destination);
    tone.start(begin);
    tone.stop(begin + length);
  }
}

/** Browsers stay silent until the page was touched once. */
export function playSound(kind: SoundKind): void {
  const now = performance.now();
  if (now - (playedAt.get(kind) ?? -Infinity) < PAUSE_MS) return;
  playedAt.set(kind, now);
  try {
    audio ??= new AudioContext();
    void audio.resume().catch(() => undefined);
    scheduleSound(audio, kind, audio.currentTime);
  } catch {
    // No sound device: the notification is there without.
  }
}
