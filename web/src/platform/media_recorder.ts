import { MediaFailure } from "./media_failure";

/** Ogg first: every Matrix client plays it. Chromium writes WebM, Safari MP4. */
const TYPES = ["audio/ogg;codecs=opus", "audio/webm;codecs=opus", "audio/mp4"] as const;
const METER_MS = 50;
const LEVELS_SHOWN = 64;
const BITS_PER_SECOND = 32_000;
/** Sound that has not come by then does not come. */
const SOUND_MS_MAX = 10_000;
const ASK_AGAIN_MS = 50;

export type RecorderState =
  | { readonly state: "recording" | "paused"; readonly durationMs: number; readonly levels: readonly number[] }
  | { readonly state: "done"; readonly durationMs: number }
  | { readonly state: "failed"; readonly problem: "media_no_microphone" };

export interface RecorderResult {
  readonly file: Blob;
  readonly durationMs: number;
  /** Loudness 0..1, one each 50 ms. */
  readonly levels: readonly number[];
}

/** One recording of the microphone. `changed` is called at each change of `state`, about 20 times a second while it runs. */
export class VoiceRecorder {
  state: RecorderState = { state: "recording", durationMs: 0, levels: [] };
  readonly #stream: MediaStream;
  readonly #recorder: MediaRecorder;
  readonly #context: AudioContext;
  readonly #analyser: AnalyserNode;
  readonly #samples: Float32Array<ArrayBuffer>;
  readonly #changed: () => void;
  readonly #durationMsMax: number;
  readonly #chunks: Blob[] = [];
  readonly #levels: number[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;
  readonly #startedAt: number;
  #recordedMs = 0;
  #resumedAt = 0;

  /** Asks for the microphone. Fails with a MediaFailure. */
  static async start(durationMsMax: number, changed: () => void): Promise<VoiceRecorder> {
    if (typeof MediaRecorder === "undefined" || !navigator.mediaDevices) throw new MediaFailure("media_no_microphone");
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true } });
      return new VoiceRecorder(stream, durationMsMax, changed);
    } catch (error) {
      const isDenied = error instanceof DOMException && (error.name === "NotAllowedError" || error.name === "SecurityError");
      throw new MediaFailure(isDenied ? "media_microphone_denied" : "media_no_microphone", undefined, error);
    }
  }

  private constructor(stream: MediaStream, durationMsMax: number, changed: () => void) {
    this.#stream = stream;
    this.#durationMsMax = durationMsMax;
    this.#changed = changed;
    const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
    this.#recorder = new MediaRecorder(stream, { audioBitsPerSecond: BITS_PER_SECOND, ...(mimeType ? { mimeType } : {}) });
    this.#recorder.ondataavailable = (event) => {
      if (event.data.size > 0) this.#chunks.push(event.data);
    };
    this.#recorder.addEventListener("error", () => this.#fail());
    stream.getAudioTracks()[0]?.addEventListener("ended", () => this.#fail());
    this.#context = new AudioContext();
    this.#analyser = this.#context.createAnalyser();
    this.#analyser.fftSize = 2_048;
    this.#samples = new Float32Array(this.#analyser.fftSize);
    this.#context.createMediaStreamSource(stream).connect(this.#analyser);
    this.#recorder.start(1_000);
    this.#startedAt = performance.now();
    this.#resumedAt = this.#startedAt;
    this.#timer = setInterval(this.#measure, METER_MS);
  }

  get durationMs(): number {
    return Math.round(this.#recordedMs + (this.#recorder.state === "recording" ? performance.now() - this.#resumedAt : 0));
  }

  pause(): void {
    if (this.#recorder.state !== "recording") return;
    this.#recordedMs += performance.now() - this.#resumedAt;
    this.#recorder.pause();
    this.#show("paused");
  }

  resume(): void {
    if (this.#recorder.state !== "paused" || this.#recordedMs >= this.#durationMsMax) return;
    this.#resumedAt = performance.now();
    this.#recorder.resume();
    this.#show("recording");
  }

  async finish(): Promise<RecorderResult> {
    const durationMs = this.durationMs;
    await this.#awaitSound();
    if (this.#recorder.state !== "inactive") {
      const stopped = new Promise<void>((resolve) => this.#recorder.addEventListener("stop", () => resolve(), { once: true }));
      this.#recorder.stop();
      await stopped;
    }
    this.#close();
    this.state = { state: "done", durationMs };
    this.#changed();
    const type = (this.#recorder.mimeType || this.#chunks[0]?.type || "audio/webm").split(";")[0] ?? "audio/webm";
    return { file: new Blob(this.#chunks, { type }), durationMs, levels: this.#levels };
  }

  /**
   * A recorder that stops forgets what it has heard and not yet written. On a busy machine that is all of a short recording: its beginning is
   * waited for, and then as long again as that was late, with the microphone closed.
   */
  async #awaitSound(): Promise<void> {
    const isOpen = (): boolean => this.#recorder.state !== "inactive";
    if (this.#chunks.length > 0 || !isOpen()) return;
    for (const track of this.#stream.getTracks()) track.enabled = false;
    clearInterval(this.#timer);
    if (this.#recorder.state === "paused") this.#recorder.resume();
    const askedAt = performance.now();
    while (isOpen() && this.#chunks.length === 0 && performance.now() - askedAt < SOUND_MS_MAX) {
      this.#recorder.requestData();
      await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
    }
    // Most often it has come at once: it only had not been asked for yet.
    const lateMs = performance.now() - askedAt > 2 * ASK_AGAIN_MS ? performance.now() - this.#startedAt : 0;
    await new Promise((resolve) => setTimeout(resolve, Math.min(lateMs, SOUND_MS_MAX)));
  }

  cancel(): void {
    if (this.#recorder.state !== "inactive") this.#recorder.stop();
    this.#chunks.length = 0;
    this.#close();
  }

  #measure = (): void => {
    if (this.#recorder.state !== "recording") return;
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let sum = 0;
    for (const sample of this.#samples) sum += sample * sample;
    // Speech has a mean square of some 0.1: a root and a factor make it fill the meter.
    this.#levels.push(Math.min(1, Math.sqrt(sum / this.#samples.length) * 4));
    if (this.durationMs >= this.#durationMsMax) this.pause();
    else this.#show("recording");
  };

  #show(state: "recording" | "paused"): void {
    this.state = { state, durationMs: this.durationMs, levels: this.#levels.slice(-LEVELS_SHOWN) };
    this.#changed();
  }

  /** The microphone was unplugged or taken away: what was said so far can still be sent. */
  #fail(): void {
    if (this.state.state === "done") return;
    if (this.#chunks.length > 0) this.pause();
    else {
      this.#close();
      this.state = { state: "failed", problem: "media_no_microphone" };
      this.#changed();
    }
  }

  #close(): void {
    clearInterval(this.#timer);
    for (const track of this.#stream.getTracks()) track.stop();
    if (this.#context.state !== "closed") void this.#context.close();
  }
}
