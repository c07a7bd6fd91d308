import type { Session } from "@/domain/arrival";
import { MatrixRequestError, requestMatrix } from "./homeserver_api";

/** How this device is called in the owner's list of devices. */
export function describeDevice(userAgent: string): string {
  const systems: readonly (readonly [RegExp, string])[] = [[/iPhone|iPad/, "iOS"], [/Android/, "Android"], [/Windows/, "Windows"], [/CrOS/, "ChromeOS"], [/Mac OS/, "macOS"], [/Linux/, "Linux"]];
  const browsers: readonly (readonly [RegExp, string])[] = [[/Firefox|FxiOS/, "Firefox"], [/Edg/, "Edge"], [/OPR/, "Opera"], [/Chrom|CriOS/, "Chrome"], [/Safari/, "Safari"]];
  const find = (list: typeof systems): string | undefined => list.find(([pattern]) => pattern.test(userAgent))?.[1];
  return ["Zajil", find(browsers), find(systems)].filter((part) => part !== undefined).join(" · ");
}

/** The session in an answer of /login or /register. */
export function readSession(baseUrl: string, answer: Readonly<Record<string, unknown>>): Session {
  const { user_id: userId, device_id: deviceId, access_token: accessToken } = answer;
  if (typeof userId !== "string" || typeof deviceId !== "string" || typeof accessToken !== "string") throw new MatrixRequestError(200, answer);
  return { userId, deviceId, accessToken, baseUrl };
}

/** A session as it was stored, or null if it is none (an older or damaged row). */
export function parseStoredSession(value: unknown): Session | null {
  if (typeof value !== "object" || value === null) return null;
  const { userId, deviceId, accessToken, baseUrl } = value as Partial<Record<keyof Session, unknown>>;
  if (typeof userId !== "string" || typeof deviceId !== "string" || typeof accessToken !== "string" || typeof baseUrl !== "string") return null;
  return { userId, deviceId, accessToken, baseUrl };
}

/** Ends the session at the server. It counts as ended too if the server does not know it any more. */
export async function endSession(session: Session): Promise<void> {
  try {
    await requestMatrix(session.baseUrl, "POST", "/_matrix/client/v3/logout", { body: {}, accessToken: session.accessToken });
  } catch (error) {
    if (!(error instanceof MatrixRequestError && error.status === 401)) throw error;
  }
}
