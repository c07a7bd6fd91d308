import type { Session } from "@/domain/arrival";
import { MatrixRequestError } from "./homeserver_api";

/** Renewed when so much of its life is over: a request that is on its way must not meet its end. */
const LIFE_USED = 0.9;

/** When an access token that lives so long from now on is to be renewed. */
export function renewalTime(now: number, expiresInMs: unknown): number | undefined {
  return typeof expiresInMs === "number" && expiresInMs > 0 ? now + expiresInMs * LIFE_USED : undefined;
}

/** How this device is called in the owner's list of devices. */
export function describeDevice(userAgent: string): string {
  const systems: readonly (readonly [RegExp, string])[] = [[/iPhone|iPad/, "iOS"], [/Android/, "Android"], [/Windows/, "Windows"], [/CrOS/, "ChromeOS"], [/Mac OS/, "macOS"], [/Linux/, "Linux"]];
  const browsers: readonly (readonly [RegExp, string])[] = [[/Firefox|FxiOS/, "Firefox"], [/Edg/, "Edge"], [/OPR/, "Opera"], [/Chrom|CriOS/, "Chrome"], [/Safari/, "Safari"]];
  const find = (list: typeof systems): string | undefined => list.find(([pattern]) => pattern.test(userAgent))?.[1];
  return ["Zajil", find(browsers), find(systems)].filter((part) => part !== undefined).join(" · ");
}

/** The session in an answer of /login or /register. */
export function readSession(baseUrl: string, answer: Readonly<Record<string, unknown>>): Session {
  const { user_id: userId, device_id: deviceId, access_token: accessToken, refresh_token: refreshToken } = answer;
  const session = parseStoredSession({ userId, deviceId, accessToken, baseUrl, refreshToken, renewAt: renewalTime(Date.now(), answer["expires_in_ms"]) });
  if (session === null) throw new MatrixRequestError(200, answer);
  return session;
}

/** A session as it was stored, or null if it is none (an older or damaged row). */
export function parseStoredSession(value: unknown): Session | null {
  if (typeof value !== "object" || value === null) return null;
  const { userId, deviceId, accessToken, baseUrl, refreshToken, renewAt } = value as Partial<Record<keyof Session, unknown>>;
  if (typeof userId !== "string" || typeof deviceId !== "string" || typeof accessToken !== "string" || typeof baseUrl !== "string") return null;
  const session = { userId, deviceId, accessToken, baseUrl };
  if (typeof refreshToken !== "string") return session;
  return { ...session, refreshToken, ...(typeof renewAt === "number" ? { renewAt } : {}) };
}
