import type { NewAccount, RegistrationNeeds, Session, TermsDocument } from "@/domain/arrival";
import { Problem } from "@/domain/problem";
import { MatrixRequestError, requestMatrix } from "./homeserver_api";
import { describeDevice, readSession } from "./session_store";

const REGISTER = "/_matrix/client/v3/register";
const TOKEN_STAGE = "m.login.registration_token";
const TERMS_STAGE = "m.login.terms";
const DUMMY_STAGE = "m.login.dummy";
const STAGES_MAX = 6;
const DOCUMENTS_MAX = 10;

interface Challenge {
  readonly flows: readonly (readonly string[])[];
  readonly completed: readonly string[];
  readonly session: string;
  readonly policies: Readonly<Record<string, unknown>>;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function readTexts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}

/** The flows in a 401 of user-interactive authentication, or null if it is something else. */
function readChallenge(error: unknown): Challenge | null {
  if (!(error instanceof MatrixRequestError) || error.status !== 401 || !Array.isArray(error.body["flows"])) return null;
  const { flows, completed, session, params } = error.body;
  const terms = isRecord(params) ? params[TERMS_STAGE] : undefined;
  return {
    flows: (flows as unknown[]).filter(isRecord).map((flow) => readTexts(flow["stages"])),
    completed: readTexts(completed),
    session: typeof session === "string" ? session : "",
    policies: isRecord(terms) && isRecord(terms["policies"]) ? terms["policies"] : {},
  };
}

function readDocuments(policies: Challenge["policies"], language: string): readonly TermsDocument[] {
  const documents: TermsDocument[] = [];
  for (const [id, policy] of Object.entries(policies).slice(0, DOCUMENTS_MAX)) {
    if (!isRecord(policy)) continue;
    const text = [policy[language], policy["en"], ...Object.values(policy)].find(isRecord);
    if (text === undefined || typeof text["url"] !== "string" || !/^https?:\/\//.test(text["url"])) continue;
    documents.push({ id, name: typeof text["name"] === "string" ? text["name"] : id, url: text["url"] });
  }
  return documents;
}

function explain(error: unknown): unknown {
  if (!(error instanceof MatrixRequestError)) return error;
  const known = new Map([
    ["M_WEAK_PASSWORD", new Problem("passwordWeak", {}, error)],
    ["M_USER_IN_USE", new Problem("usernameTaken", {}, error)],
    ["M_EXCLUSIVE", new Problem("usernameInvalid", {}, error)],
    ["M_INVALID_USERNAME", new Problem("usernameInvalid", {}, error)],
    ["M_FORBIDDEN", new Problem("registrationClosed", {}, error)],
  ]);
  return known.get(error.errcode) ?? new Problem("unknown", {}, error);
}

/** Asks what the server wants before it makes an account; nothing is made. */
export async function loadNeeds(baseUrl: string): Promise<RegistrationNeeds> {
  try {
    await requestMatrix(baseUrl, "POST", REGISTER, { body: {} });
  } catch (error) {
    const challenge = readChallenge(error);
    if (challenge === null) throw explain(error);
    const withToken = challenge.flows.filter((stages) => stages.includes(TOKEN_STAGE)).length;
    return {
      token: withToken === 0 ? "no" : withToken === challenge.flows.length ? "required" : "optional",
      terms: (language) => readDocuments(challenge.policies, language),
    };
  }
  throw new Problem("unknown");
}

/** The next stage of the flow that fits what was given. */
function chooseStage(challenge: Challenge, account: NewAccount): Readonly<Record<string, string>> {
  const flow = challenge.flows.find((stages) => stages.includes(TOKEN_STAGE) === (account.token !== "")) ?? challenge.flows[0] ?? [];
  const next = flow.find((stage) => !challenge.completed.includes(stage)) ?? "";
  if (next === TOKEN_STAGE && account.token === "") throw new Problem("registrationTokenNeeded");
  if (next === TERMS_STAGE && !account.areTermsAccepted) throw new Problem("termsNotAccepted");
  if (![TOKEN_STAGE, TERMS_STAGE, DUMMY_STAGE].includes(next)) throw new Problem("registrationUnsupported");
  return { type: next, session: challenge.session, ...(next === TOKEN_STAGE ? { token: account.token } : {}) };
}

/** POST /register through all stages. */
export async function register(baseUrl: string, account: NewAccount): Promise<Session> {
  const body: Record<string, unknown> = { password: account.password, refresh_token: true, initial_device_display_name: describeDevice(navigator.userAgent) };
  if (account.username !== "") body["username"] = account.username;
  for (let step = 0; step < STAGES_MAX; step += 1) {
    try {
      return readSession(baseUrl, await requestMatrix(baseUrl, "POST", REGISTER, { body }));
    } catch (error) {
      const challenge = readChallenge(error);
      if (challenge === null) throw explain(error);
      const tried = body["auth"] as Readonly<Record<string, string>> | undefined;
      if ((error as MatrixRequestError).body["errcode"] !== undefined && tried?.["type"] === TOKEN_STAGE) throw new Problem("registrationTokenInvalid", {}, error);
      body["auth"] = chooseStage(challenge, account);
    }
  }
  throw new Problem("unknown");
}

/** GET /register/available. */
export async function checkUsername(baseUrl: string, username: string, signal: AbortSignal): Promise<"free" | "taken" | "invalid"> {
  try {
    await requestMatrix(baseUrl, "GET", `/_matrix/client/v3/register/available?username=${encodeURIComponent(username)}`, { signal });
    return "free";
  } catch (error) {
    if (error instanceof MatrixRequestError) return error.errcode === "M_USER_IN_USE" ? "taken" : "invalid";
    throw error;
  }
}

/** Sets a new password with the token of a reset link; returns the user ID. */
export async function resetPassword(baseUrl: string, token: string, password: string): Promise<string> {
  try {
    const answer = await requestMatrix(baseUrl, "POST", "/_zajil/account/reset_password", { body: { token, new_password: password } });
    return typeof answer["user_id"] === "string" ? answer["user_id"] : "";
  } catch (error) {
    if (error instanceof MatrixRequestError && error.status === 403) throw new Problem("resetLinkInvalid", {}, error);
    throw explain(error);
  }
}
