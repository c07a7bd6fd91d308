import type { Session } from "@/domain/arrival";
import { MatrixRequestError, requestMatrix } from "./homeserver_api";
import { renewalTime } from "./session_store";

export interface SessionTokensOptions {
  readonly now: () => number;
  /** Writes the session with its new tokens to the disk; they are used only after that. */
  readonly save?: (session: Session) => Promise<void>;
  /** The session as it stands on the disk: another tab may have renewed it. */
  readonly load?: () => Promise<Session | null>;
}

type Outcome = { readonly kind: "renewed" } | { readonly kind: "refused"; readonly answer: Response };

const REFRESH = "/_matrix/client/v3/refresh";
const REFRESH_MS_MAX = 20_000;

/**
 * The tokens of a session, renewed before they end and when the server says that they have (client-server API, "Refreshing access tokens").
 * The refresh token stays good until what was got for it is used, so nothing is lost when the page ends in the middle of it.
 */
export class SessionTokens {
  readonly #options: SessionTokensOptions;
  readonly #listeners = new Set<(accessToken: string) => void>();
  #session: Session;
  #renewing: Promise<Outcome> | undefined;

  constructor(session: Session, options: SessionTokensOptions) {
    this.#session = session;
    this.#options = options;
  }

  get session(): Session {
    return this.#session;
  }

  /** Called with every new access token. */
  listen(listener: (accessToken: string) => void): void {
    this.#listeners.add(listener);
  }

  /** The access token, renewed if it is about to end. */
  async accessToken(): Promise<string> {
    const { renewAt } = this.#session;
    if (renewAt !== undefined && this.#options.now() >= renewAt) await this.#renew().catch(() => undefined);
    return this.#session.accessToken;
  }

  /** As `fetch`; a request that carries an access token carries the newest one, and is made once more if that had ended. */
  readonly fetch = async (input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers);
    if (!headers.has("authorization")) return fetch(input, init);
    const used = await this.accessToken();
    headers.set("authorization", `Bearer ${used}`);
    const answer = await fetch(input, { ...init, headers });
    if (answer.status !== 401 || this.#session.refreshToken === undefined || (await readCode(answer)) !== "M_UNKNOWN_TOKEN") return answer;
    if (this.#session.accessToken === used) {
      const outcome = await this.#renew();
      // Locked is not ended: that answer says more than the first one.
      if (outcome.kind === "refused") return (await readCode(outcome.answer)) === "M_USER_LOCKED" ? outcome.answer : answer;
    }
    headers.set("authorization", `Bearer ${this.#session.accessToken}`);
    return fetch(input, { ...init, headers });
  };

  /** Fails as `fetch` does if no answer came. */
  #renew(): Promise<Outcome> {
    this.#renewing ??= this.#renewOnce().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #renewOnce(): Promise<Outcome> {
    const stored = await this.#options.load?.();
    if (stored && stored.deviceId === this.#session.deviceId && stored.refreshToken !== this.#session.refreshToken) {
      this.#use(stored);
      return { kind: "renewed" };
    }
    const { baseUrl, refreshToken } = this.#session;
    const answer = await fetch(baseUrl + REFRESH, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ refresh_token: refreshToken }),
      signal: AbortSignal.timeout(REFRESH_MS_MAX),
    });
    if (answer.status === 401 || answer.status === 403 || answer.status === 404) return { kind: "refused", answer };
    const body = answer.ok ? ((await answer.json()) as Readonly<Record<string, unknown>>) : {};
    // The SDK waits and asks again after this, as after any lost answer.
    if (typeof body["access_token"] !== "string") throw new TypeError(`the tokens were not renewed: ${answer.status}`);
    const renewAt = renewalTime(this.#options.now(), body["expires_in_ms"]);
    const { renewAt: _before, ...kept } = this.#session;
    const renewed: Session = {
      ...kept,
      accessToken: body["access_token"],
      ...(typeof body["refresh_token"] === "string" ? { refreshToken: body["refresh_token"] } : {}),
      ...(renewAt === undefined ? {} : { renewAt }),
    };
    await this.#options.save?.(renewed);
    this.#use(renewed);
    return { kind: "renewed" };
  }

  #use(session: Session): void {
    this.#session = session;
    for (const listener of this.#listeners) listener(session.accessToken);
  }
}

async function readCode(answer: Response): Promise<unknown> {
  try {
    return ((await answer.clone().json()) as Readonly<Record<string, unknown>> | null)?.["errcode"];
  } catch {
    return undefined;
  }
}

/** Ends the session at the server. It counts as ended too if the server does not know it any more. */
export async function endSession(session: Session): Promise<void> {
  try {
    const accessToken = await new SessionTokens(session, { now: Date.now }).accessToken();
    await requestMatrix(session.baseUrl, "POST", "/_matrix/client/v3/logout", { body: {}, accessToken });
  } catch (error) {
    if (!(error instanceof MatrixRequestError && error.status === 401)) throw error;
  }
}
