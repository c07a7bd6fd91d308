import { failureOfResponse, MediaFailure } from "./media_failure";
import type { OnProgress } from "./media_crypto";

export interface MediaServer {
  /** "https://host", no slash at the end. */
  readonly baseUrl: string;
  /** The access token at the moment of the request: tokens are refreshed. */
  accessToken(): string | null | Promise<string | null>;
}

const TRIES_MAX = 5;
const RETRY_MS_MAX = 60_000;
/** No byte moved for so long: the connection is dead, though nobody says so. */
const STALL_MS = 45_000;
/** From here on the URI is asked for first, so a retry after a lost answer does not store the file twice. */
const CREATE_FIRST_BYTES = 1024 * 1024;

export interface UploadOptions {
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
  /** Told to the server only for files that are not encrypted. */
  readonly name?: string;
}

/** Largest file that the server takes, in bytes; undefined if it does not say. */
export async function loadUploadLimit(server: MediaServer): Promise<number | undefined> {
  const token = await server.accessToken();
  const response = await fetch(`${server.baseUrl}/_matrix/client/v1/media/config`, { headers: token ? { Authorization: `Bearer ${token}` } : {} });
  if (!response.ok) return undefined;
  const body: unknown = await response.json();
  const size = typeof body === "object" && body !== null ? (body as Record<string, unknown>)["m.upload.size"] : undefined;
  return typeof size === "number" && size > 0 ? size : undefined;
}

/** Sends a file; tries again by itself where that may help. The mxc URI. Fails with a MediaFailure. */
export async function uploadMedia(server: MediaServer, data: Blob, options: UploadOptions = {}): Promise<string> {
  let created: string | undefined;
  for (let tries = 1; ; tries++) {
    if (options.signal?.aborted) throw new MediaFailure("media_cancelled");
    try {
      if (data.size >= CREATE_FIRST_BYTES) created ??= await createUri(server, options.signal);
      return await send(server, data, options, created);
    } catch (error) {
      if (!(error instanceof MediaFailure)) throw error;
      // The first try was complete and only its answer was lost.
      if (created && tries > 1 && error.message === "M_CANNOT_OVERWRITE_MEDIA") return created;
      if (error.retryAfterMs === undefined || tries >= TRIES_MAX) throw error;
      await sleep(Math.min(RETRY_MS_MAX, error.retryAfterMs * 2 ** (tries - 1)), options.signal);
    }
  }
}

async function createUri(server: MediaServer, signal: AbortSignal | undefined): Promise<string | undefined> {
  const token = await server.accessToken();
  const response = await fetch(`${server.baseUrl}/_matrix/media/v1/create`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token ?? ""}` },
    ...(signal ? { signal } : {}),
  }).catch((cause: unknown) => {
    throw signal?.aborted ? new MediaFailure("media_cancelled") : new MediaFailure("media_offline", 2_000, cause);
  });
  // A server without it, or with too many URIs waiting, still takes the plain upload.
  if (!response.ok) return undefined;
  const body = parseJson(await response.text());
  return typeof body["content_uri"] === "string" ? body["content_uri"] : undefined;
}

async function send(server: MediaServer, data: Blob, options: UploadOptions, created: string | undefined): Promise<string> {
  const token = await server.accessToken();
  const path = created ? `/_matrix/media/v3/upload/${created.slice("mxc://".length)}` : "/_matrix/media/v3/upload";
  const query = options.name ? `?filename=${encodeURIComponent(options.name)}` : "";
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let moved = 0;
    let stall = setTimeout(() => request.abort(), STALL_MS);
    const restart = (): void => {
      clearTimeout(stall);
      stall = setTimeout(() => request.abort(), STALL_MS);
    };
    const cancel = (): void => request.abort();
    const end = (): void => {
      clearTimeout(stall);
      options.signal?.removeEventListener("abort", cancel);
    };
    options.signal?.addEventListener("abort", cancel);
    request.upload.addEventListener("progress", (event) => {
      if (event.loaded > moved) restart();
      moved = event.loaded;
      options.onProgress?.(event.loaded, data.size);
    });
    request.addEventListener("load", () => {
      end();
      const body = parseJson(request.responseText);
      if (request.status >= 200 && request.status < 300) {
        const uri = created ?? body["content_uri"];
        if (typeof uri === "string" && uri.startsWith("mxc://")) resolve(uri);
        else reject(new MediaFailure("media_refused"));
      } else reject(failureOf(request, body));
    });
    request.addEventListener("error", () => {
      end();
      reject(new MediaFailure("media_offline", 2_000));
    });
    request.addEventListener("abort", () => {
      end();
      reject(options.signal?.aborted ? new MediaFailure("media_cancelled") : new MediaFailure("media_offline", 2_000));
    });
    request.open(created ? "PUT" : "POST", server.baseUrl + path + query);
    if (token) request.setRequestHeader("Authorization", `Bearer ${token}`);
    request.setRequestHeader("Content-Type", data.type || "application/octet-stream");
    request.send(data);
  });
}

function failureOf(request: XMLHttpRequest, body: Readonly<Record<string, unknown>>): MediaFailure {
  const errcode = typeof body["errcode"] === "string" ? body["errcode"] : "";
  const seconds = Number(request.getResponseHeader("Retry-After"));
  const failure = failureOfResponse(request.status, errcode, seconds > 0 ? seconds * 1_000 : undefined);
  if (errcode === "M_CANNOT_OVERWRITE_MEDIA") failure.message = errcode;
  return failure;
}

function parseJson(text: string): Readonly<Record<string, unknown>> {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new MediaFailure("media_cancelled"));
    });
  });
}
