import { failureOfResponse, MediaFailure } from "./media_failure";
import type { OnProgress } from "./media_crypto";
import type { MediaServer } from "./media_upload";

export interface DownloadOptions {
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
  /** The answer is cut off and refused beyond this many bytes. */
  readonly bytesMax: number;
  /** Asks for the server's thumbnail of about this many pixels instead of the file. */
  readonly thumbnailSide?: number;
}

/** Server name (with a port or an IPv6 address) and media ID, nothing that could lead to another path. */
const MXC = /^mxc:\/\/([A-Za-z0-9.:[\]-]{1,255})\/([A-Za-z0-9_-]{1,255})$/;

/** The path of a file under the authenticated endpoints; undefined if the URI is none. */
export function mediaPath(mxc: string, thumbnailSide?: number): string | undefined {
  const parts = MXC.exec(mxc);
  if (!parts) return undefined;
  const id = `${encodeURIComponent(parts[1] ?? "")}/${parts[2] ?? ""}`;
  if (thumbnailSide === undefined) return `/_matrix/client/v1/media/download/${id}`;
  const side = Math.round(thumbnailSide);
  return `/_matrix/client/v1/media/thumbnail/${id}?width=${side}&height=${side}&method=scale&animated=false`;
}

/** The bytes as the server has them (ciphertext, if the file is encrypted). Fails with a MediaFailure. */
export async function downloadMedia(server: MediaServer, mxc: string, options: DownloadOptions): Promise<Blob> {
  const path = mediaPath(mxc, options.thumbnailSide);
  if (!path) throw new MediaFailure("media_broken");
  const token = await server.accessToken();
  try {
    const response = await fetch(server.baseUrl + path, {
      headers: token ? { Authorization: `Bearer ${token}` } : {},
      cache: "no-store",
      ...(options.signal ? { signal: options.signal } : {}),
    });
    if (!response.ok) throw await failureOf(response);
    return await readBody(response, options);
  } catch (error) {
    if (error instanceof MediaFailure) throw error;
    throw options.signal?.aborted ? new MediaFailure("media_cancelled") : new MediaFailure("media_offline", 2_000, error);
  }
}

async function readBody(response: Response, options: DownloadOptions): Promise<Blob> {
  const announced = Number(response.headers.get("Content-Length")) || 0;
  if (announced > options.bytesMax) throw new MediaFailure("media_too_big");
  if (!response.body) return response.blob();
  const reader = response.body.getReader();
  const parts: Blob[] = [];
  let pending: Uint8Array<ArrayBuffer>[] = [];
  let pendingBytes = 0;
  let done = 0;
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    done += chunk.value.length;
    if (done > options.bytesMax) {
      await reader.cancel();
      throw new MediaFailure("media_too_big");
    }
    pending.push(chunk.value);
    pendingBytes += chunk.value.length;
    // Blobs may go to disk; an array of all chunks would not.
    if (pendingBytes > 4 * 1024 * 1024) {
      parts.push(new Blob(pending));
      pending = [];
      pendingBytes = 0;
    }
    options.onProgress?.(done, Math.max(done, announced));
  }
  return new Blob([...parts, ...pending]);
}

async function failureOf(response: Response): Promise<MediaFailure> {
  const body: unknown = await response.json().catch(() => ({}));
  const errcode = typeof body === "object" && body !== null ? String((body as Record<string, unknown>)["errcode"] ?? "") : "";
  const seconds = Number(response.headers.get("Retry-After"));
  return failureOfResponse(response.status, errcode, seconds > 0 ? seconds * 1_000 : undefined);
}
