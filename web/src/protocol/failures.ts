import { ConnectionError, HTTPError, MatrixError } from "matrix-js-sdk";
import { Problem } from "@/domain/problem";

export interface Failure {
  /** HTTP status; absent when no answer came. */
  readonly status?: number;
  readonly code?: string;
  readonly retryAfterMs?: number;
}

/** What is known of why a request failed. */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof HTTPError)) return {};
  const failure = error.httpStatus === undefined ? {} : { status: error.httpStatus };
  const retryAfterMs = error.isRateLimitError() || error.httpStatus === 503 ? readRetryAfter(error) : undefined;
  const code = error instanceof MatrixError && error.errcode !== undefined ? { code: error.errcode } : {};
  return { ...failure, ...code, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

function readRetryAfter(error: HTTPError): number | undefined {
  try {
    return error.getRetryAfterMs() ?? undefined;
  } catch {
    // A header that is neither seconds nor a date.
    return undefined;
  }
}

const CODES: Readonly<Record<string, string>> = {
  M_FORBIDDEN: "forbidden",
  M_LIMIT_EXCEEDED: "limited",
  M_NOT_FOUND: "not_found",
  M_TOO_LARGE: "too_large",
  M_ROOM_IN_USE: "name_taken",
  M_USER_LOCKED: "locked",
  M_UNKNOWN_TOKEN: "signed_out",
};

/** An error of a request, as something a person can be told. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const { status, code } = failureOf(error);
  const known = code === undefined ? undefined : CODES[code];
  if (known !== undefined) return new Problem(known, {}, error);
  if (error instanceof ConnectionError || status === undefined) return new Problem("offline", {}, error);
  return new Problem("server", { status: String(status) }, error);
}

/** Runs a request; its failure is a Problem. */
export async function ask<T>(request: Promise<T>): Promise<T> {
  try {
    return await request;
  } catch (error) {
    throw problemOf(error);
  }
}
