export type MediaFailureCode =
  | "media_offline"
  | "media_gone"
  | "media_refused"
  | "media_too_big"
  | "media_quota"
  | "media_busy"
  | "media_tampered"
  | "media_broken"
  | "media_no_microphone"
  | "media_microphone_denied"
  | "media_no_camera"
  | "media_camera_denied"
  | "media_cancelled";

/** What went wrong with a file. `protocol` makes a Problem of it; `retryAfterMs` is set if trying again may help. */
export class MediaFailure extends Error {
  readonly code: MediaFailureCode;
  readonly retryAfterMs: number | undefined;

  constructor(code: MediaFailureCode, retryAfterMs?: number, cause?: unknown) {
    super(code, { cause });
    this.name = "MediaFailure";
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

/** By the server's answer (status and errcode). */
export function failureOfResponse(status: number, errcode: string, retryAfterMs: number | undefined): MediaFailure {
  if (status === 429 || errcode === "M_LIMIT_EXCEEDED") return new MediaFailure("media_busy", retryAfterMs ?? 2_000);
  if (errcode === "M_RESOURCE_LIMIT_EXCEEDED" || errcode === "M_USER_LIMIT_EXCEEDED") return new MediaFailure("media_quota");
  if (status === 413 || errcode === "M_TOO_LARGE") return new MediaFailure("media_too_big");
  if (status === 404 || status === 410) return new MediaFailure("media_gone");
  if (status === 504 || status === 502 || status === 503 || errcode === "M_NOT_YET_UPLOADED") return new MediaFailure("media_busy", retryAfterMs ?? 3_000);
  if (status >= 500) return new MediaFailure("media_busy", retryAfterMs ?? 5_000);
  return new MediaFailure("media_refused");
}
