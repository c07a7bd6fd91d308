import { MediaFailure } from "./media_failure";

export interface VideoFacts {
  readonly width: number;
  readonly height: number;
  readonly durationMs: number;
  /** A frame from near the beginning, of at most `posterSide` pixels; absent if the browser shows none. */
  readonly poster?: { readonly data: Blob; readonly width: number; readonly height: number };
}

const STEP_MS_MAX = 10_000;

/** Size, length and a frame of a film. Fails with `media_broken` if this browser cannot play it. */
export async function probeVideo(file: Blob, posterSide: number): Promise<VideoFacts> {
  const video = document.createElement("video");
  const url = URL.createObjectURL(file);
  try {
    video.muted = true;
    video.playsInline = true;
    video.preload = "auto";
    video.src = url;
    await once(video, "loadedmetadata");
    const durationS = await findDuration(video);
    const facts = { width: video.videoWidth, height: video.videoHeight, durationMs: Math.round(durationS * 1_000) };
    const poster = facts.width > 0 ? await drawFrame(video, Math.min(1, durationS / 10), posterSide) : undefined;
    return poster ? { ...facts, poster } : facts;
  } finally {
    video.removeAttribute("src");
    video.load();
    URL.revokeObjectURL(url);
  }
}

/** Length of a sound file in ms; undefined if the browser cannot play it. */
export async function probeAudio(file: Blob): Promise<number | undefined> {
  const audio = document.createElement("audio");
  const url = URL.createObjectURL(file);
  try {
    audio.preload = "metadata";
    audio.src = url;
    await once(audio, "loadedmetadata");
    return Math.round((await findDuration(audio)) * 1_000);
  } catch {
    return undefined;
  } finally {
    audio.removeAttribute("src");
    audio.load();
    URL.revokeObjectURL(url);
  }
}

/** Recorders that write live leave the length out; going to the end makes the browser find it. */
async function findDuration(media: HTMLMediaElement): Promise<number> {
  if (media.duration === Infinity) {
    media.currentTime = Number.MAX_SAFE_INTEGER;
    await once(media, "durationchange").catch(() => undefined);
  }
  return Number.isFinite(media.duration) ? media.duration : 0;
}

async function drawFrame(video: HTMLVideoElement, atS: number, side: number): Promise<VideoFacts["poster"]> {
  try {
    video.currentTime = atS;
    await once(video, "seeked");
    const scale = Math.min(1, side / Math.max(video.videoWidth, video.videoHeight));
    const width = Math.max(1, Math.round(video.videoWidth * scale));
    const height = Math.max(1, Math.round(video.videoHeight * scale));
    const context = new OffscreenCanvas(width, height).getContext("2d");
    context?.drawImage(video, 0, 0, width, height);
    const data = await context?.canvas.convertToBlob({ type: "image/jpeg", quality: 0.8 });
    return data ? { data, width, height } : undefined;
  } catch {
    // A film without a poster is still a film.
    return undefined;
  }
}

function once(media: HTMLMediaElement, event: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new MediaFailure("media_broken")), STEP_MS_MAX);
    const end = (act: () => void) => () => {
      clearTimeout(timer);
      act();
    };
    media.addEventListener(event, end(resolve), { once: true });
    media.addEventListener("error", end(() => reject(new MediaFailure("media_broken"))), { once: true });
  });
}
