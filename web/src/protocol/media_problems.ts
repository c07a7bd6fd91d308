import { Problem } from "@/domain/problem";
import { MediaFailure, type MediaFailureCode } from "@/platform/media_failure";

/** i18n keys: the whole list is written out, so that a missing sentence fails the build. */
const PROBLEMS: Readonly<Record<MediaFailureCode, (cause: unknown) => Problem>> = {
  media_offline: (cause) => new Problem("media_offline", {}, cause),
  media_gone: (cause) => new Problem("media_gone", {}, cause),
  media_refused: (cause) => new Problem("media_refused", {}, cause),
  media_too_big: (cause) => new Problem("media_too_big", {}, cause),
  media_quota: (cause) => new Problem("media_quota", {}, cause),
  media_busy: (cause) => new Problem("media_busy", {}, cause),
  media_tampered: (cause) => new Problem("media_tampered", {}, cause),
  media_broken: (cause) => new Problem("media_broken", {}, cause),
  media_no_microphone: (cause) => new Problem("media_no_microphone", {}, cause),
  media_microphone_denied: (cause) => new Problem("media_microphone_denied", {}, cause),
  media_no_camera: (cause) => new Problem("media_no_camera", {}, cause),
  media_camera_denied: (cause) => new Problem("media_camera_denied", {}, cause),
  media_cancelled: (cause) => new Problem("media_cancelled", {}, cause),
};

/** The sentence for what went wrong with a file. */
export function mediaProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof MediaFailure) return PROBLEMS[error.code](error);
  if (error instanceof DOMException && error.name === "AbortError") return PROBLEMS.media_cancelled(error);
  return PROBLEMS.media_broken(error);
}

/** True if the same file may succeed later: the server was out of reach or busy. Everything else needs the person. */
export function mayRetryMedia(error: unknown): boolean {
  const cause = error instanceof Problem ? error.cause : error;
  return cause instanceof MediaFailure && cause.retryAfterMs !== undefined;
}
