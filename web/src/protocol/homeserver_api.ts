import { Problem } from "@/domain/problem";

const TIMEOUT_MS_MAX = 20_000;
const RETRY_AFTER_MS_DEFAULT = 5_000;

/** An answer of the server that is not 2xx and that the caller may know what to do with. */
export class MatrixRequestError extends Error {
  readonly status: number;
  readonly errcode: string;
  readonly body: Readonly<Record<string, unknown>>;

  constructor(status: number, body: Readonly<Record<string, unknown>>) {
    const errcode = typeof body["errcode"] === "string" ? body["errcode"] : "M_UNKNOWN";
    super(`${status} ${errcode}`);
    this.name = "MatrixRequestError";
    this.status = status;
    this.errcode = errcode;
    this.body = body;
  }
}

export interface RequestOptions {
  readonly body?: unknown;
  readonly accessToken?: string;
  readonly signal?: AbortSignal;
}

async function readObject(response: Response): Promise<Readonly<Record<string, unknown>>> {
  try {
    const body: unknown = await response.json();
    return typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/**
 * One request of the client-server API, for what happens before the SDK is there. Fails with `MatrixRequestError`,
 * or with a `Problem` where the answer is the same for all requests: no answer, too many requests, server failing.
 */
export async function requestMatrix(baseUrl: string, method: "GET" | "POST", path: string, options: RequestOptions = {}): Promise<Readonly<Record<string, unknown>>> {
  const headers: Record<string, string> = {};
  if (options.body !== undefined) headers["content-type"] = "application/json";
  if (options.accessToken !== undefined) headers["authorization"] = `Bearer ${options.accessToken}`;
  const timeout = AbortSignal.timeout(TIMEOUT_MS_MAX);
  let response: Response;
  try {
    response = await fetch(baseUrl + path, {
      method,
      headers,
      signal: options.signal === undefined ? timeout : AbortSignal.any([options.signal, timeout]),
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Problem("serverUnreachable", {}, error);
  }
  const body = await readObject(response);
  if (response.ok) return body;
  if (response.status === 429) {
    const wait = typeof body["retry_after_ms"] === "number" ? body["retry_after_ms"] : RETRY_AFTER_MS_DEFAULT;
    throw new Problem("rateLimited", { seconds: String(Math.max(1, Math.ceil(wait / 1000))) });
  }
  const failure = new MatrixRequestError(response.status, body);
  if (response.status >= 500) throw new Problem("serverFailing", {}, failure);
  throw failure;
}
