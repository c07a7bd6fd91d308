import type { MediaSource } from "@/domain/message";
import type { MediaAccess, OpenMedia } from "@/domain/media/ports";
import { Problem } from "@/domain/problem";
import { Store } from "@/domain/store";

export interface Track {
  /** The message's ID. */
  readonly id: string;
  readonly source: MediaSource;
  readonly durationMs: number;
  /** What is played after it (the next voice message of the chat), if anything. */
  readonly next?: () => Track | undefined;
  readonly onPlayed?: () => void;
}

export interface Playing {
  readonly id: string;
  readonly state: "loading" | "playing" | "paused" | "failed";
  readonly positionMs: number;
  readonly durationMs: number;
  readonly problem?: string;
}

export const RATES = [1, 1.5, 2] as const;

/** Plays one voice message at a time, wherever in the app it is shown; goes on with the next one by itself. */
class Playback {
  readonly now = new Store<Playing | undefined>(undefined);
  readonly rate = new Store<number>(1);
  #audio: HTMLAudioElement | undefined;
  #open: OpenMedia | undefined;
  #track: Track | undefined;
  #load: AbortController | undefined;

  async toggle(media: MediaAccess, track: Track): Promise<void> {
    const now = this.now.get();
    if (now?.id === track.id && now.state === "playing") return this.#audio?.pause();
    if (now?.id === track.id && now.state === "paused" && this.#open) return this.#audio?.play();
    return this.#play(media, track, now?.id === track.id ? now.positionMs : 0);
  }

  /** Before it was started, this is where it will start. */
  seek(track: Track, positionMs: number): void {
    const now = this.now.get();
    const place = Math.max(0, Math.min(track.durationMs, positionMs));
    if (now?.id !== track.id) {
      this.stop();
      this.now.set({ id: track.id, state: "paused", positionMs: place, durationMs: track.durationMs });
      return;
    }
    if (this.#audio && this.#open) this.#audio.currentTime = place / 1_000;
    this.now.set({ ...now, positionMs: place });
  }

  nextRate(): void {
    const index = RATES.findIndex((rate) => rate === this.rate.get());
    this.rate.set(RATES[(index + 1) % RATES.length] ?? 1);
    if (this.#audio) this.#audio.playbackRate = this.rate.get();
  }

  stop(): void {
    this.#load?.abort();
    this.#audio?.pause();
    this.#audio?.removeAttribute("src");
    this.#open?.release();
    this.#open = undefined;
    this.#track = undefined;
    this.now.set(undefined);
  }

  async #play(media: MediaAccess, track: Track, fromMs: number): Promise<void> {
    this.stop();
    const load = new AbortController();
    this.#load = load;
    this.#track = track;
    this.now.set({ id: track.id, state: "loading", positionMs: fromMs, durationMs: track.durationMs });
    try {
      const open = await media.open(track.source, { signal: load.signal });
      if (load.signal.aborted) return open.release();
      this.#open = open;
      if (!open.mimeType.startsWith("audio/") && !open.mimeType.startsWith("video/")) throw new Problem("media_broken");
      const audio = this.#element(media);
      audio.src = open.url;
      audio.playbackRate = this.rate.get();
      if (fromMs > 0) audio.currentTime = fromMs / 1_000;
      await audio.play();
      track.onPlayed?.();
    } catch (error) {
      if (load.signal.aborted) return;
      this.now.set({ id: track.id, state: "failed", positionMs: 0, durationMs: track.durationMs, problem: error instanceof Problem ? error.code : "media_broken" });
    }
  }

  #element(media: MediaAccess): HTMLAudioElement {
    if (this.#audio) return this.#audio;
    const audio = new Audio();
    audio.preservesPitch = true;
    const show = (state: Playing["state"]) => () => {
      const now = this.now.get();
      if (now && this.#open) this.now.set({ ...now, state, positionMs: Math.min(now.durationMs, audio.currentTime * 1_000) });
    };
    audio.addEventListener("playing", show("playing"));
    audio.addEventListener("pause", show("paused"));
    audio.addEventListener("timeupdate", () => show(audio.paused ? "paused" : "playing")());
    audio.addEventListener("ended", () => {
      const next = this.#track?.next?.();
      this.stop();
      if (next) void this.#play(media, next, 0);
    });
    this.#audio = audio;
    return audio;
  }
}

export const playback = new Playback();
