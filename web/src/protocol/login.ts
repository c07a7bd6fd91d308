import type { Session } from "@/domain/arrival";
import { Problem } from "@/domain/problem";
import { MatrixRequestError, requestMatrix } from "./homeserver_api";
import { describeDevice, readSession } from "./session_store";

const LOGIN = "/_matrix/client/v3/login";

function explain(error: unknown, forbidden: Problem): unknown {
  if (!(error instanceof MatrixRequestError)) return error;
  if (error.errcode === "M_USER_LOCKED") return new Problem("accountLocked", {}, error);
  if (error.errcode === "M_USER_DEACTIVATED") return new Problem("accountDeleted", {}, error);
  if (error.status === 401 || error.status === 403 || error.status === 400) return forbidden;
  return new Problem("unknown", {}, error);
}

/** POST /login with a password. `user` is a name or a full ID of this server. */
export async function logIn(baseUrl: string, user: string, password: string, deviceId?: string): Promise<Session> {
  const body = {
    type: "m.login.password",
    identifier: { type: "m.id.user", user: user.trim() },
    password,
    refresh_token: true,
    ...(deviceId === undefined ? {} : { device_id: deviceId }),
    initial_device_display_name: describeDevice(navigator.userAgent),
  };
  try {
    return readSession(baseUrl, await requestMatrix(baseUrl, "POST", LOGIN, { body }));
  } catch (error) {
    throw explain(error, new Problem("wrongPassword", {}, error));
  }
}

/** POST /login with a one-time token. */
export async function logInWithToken(baseUrl: string, token: string): Promise<Session> {
  const body = { type: "m.login.token", token, refresh_token: true, initial_device_display_name: describeDevice(navigator.userAgent) };
  try {
    return readSession(baseUrl, await requestMatrix(baseUrl, "POST", LOGIN, { body }));
  } catch (error) {
    throw explain(error, new Problem("loginLinkInvalid", {}, error));
  }
}
