import type { Session } from "@/domain/arrival";
import { saveFile } from "@/platform/files";
import { takeTabLock } from "@/platform/tab_lock";
import { Accounts } from "@/protocol/accounts";
import { buildArrival } from "@/protocol/arrival";
import { endSession, SessionTokens } from "@/protocol/session_tokens";
import type { AppServices } from "./app_context";
import { AppModel, type RunningAccount } from "./app_model";
import { loadSignedIn } from "./load_signed_in";
import { WarmStarts } from "./warm_start";

/** After so long what is there is drawn, with a sentence in the place of the rest. */
const FIRST_SCREEN_MS_MAX = 300;

function mediaName(userId: string): string {
  return `zajil-media:${userId}`;
}

/** The SDK, its cryptography and all that handles files are loaded here and nowhere else: only once there is an account. */
async function startAccount(accounts: Accounts, known: Session, warmStarts: WarmStarts): Promise<RunningAccount> {
  await warmStarts.find(known.userId)?.shown;
  const [{ BROWSER_SERVICES, startEngine }, { AccountMedia }] = await Promise.all([import("@/protocol/start_engine"), import("@/protocol/media_access")]);
  const session = (await accounts.load(known.userId)) ?? known;
  const tokens = new SessionTokens(session, { now: Date.now, save: (renewed) => accounts.storeSession(renewed), load: () => accounts.load(session.userId) });
  const engine = await startEngine(session, BROWSER_SERVICES, tokens);
  const media = new AccountMedia({ baseUrl: session.baseUrl, accessToken: () => tokens.accessToken() }, mediaName(session.userId), {
    wants: (mxc) => engine.guard.wantsFile(mxc),
    found: (mxc, sha256) => engine.guard.linkFile(mxc, sha256),
  });
  warmStarts.end();
  return {
    engine,
    media,
    async stop() {
      await engine.stop();
      await media.close();
    },
  };
}

/** Deletes what this device keeps of an account; it must not be at work. */
async function forgetAccount(session: Session): Promise<void> {
  const [{ eraseDatabases }, { deleteDB }] = await Promise.all([import("@/protocol/sdk_client"), import("idb")]);
  await eraseDatabases(session.userId);
  await deleteDB(mediaName(session.userId));
}

/** Has what the account at work shows first on its way before anything of it is drawn. */
function prepareScreen(model: AppModel, warmStarts: WarmStarts): void {
  const session = model.active.get();
  if (session === null) return;
  void loadSignedIn().catch(() => undefined);
  if (model.welcome.get() === null) warmStarts.begin(session.userId);
}

/** Fulfilled when what stands on the screen first is there. */
export async function awaitFirstScreen({ model, warmStarts }: AppServices): Promise<void> {
  const session = model.active.get();
  if (session === null) return;
  const late = new Promise((resolve) => setTimeout(resolve, FIRST_SCREEN_MS_MAX));
  await Promise.race([late, Promise.all([loadSignedIn().catch(() => undefined), warmStarts.find(session.userId)?.loaded])]);
}

export async function buildServices(): Promise<AppServices> {
  const accounts = await Accounts.open();
  const warmStarts = new WarmStarts();
  const model = new AppModel({ accounts, startAccount: (session) => startAccount(accounts, session, warmStarts), endSession: async (session) => endSession((await accounts.load(session.userId)) ?? session), forgetAccount, takeLock: takeTabLock, now: Date.now });
  model.active.subscribe(() => prepareScreen(model, warmStarts));
  await model.start();
  return {
    model,
    arrival: buildArrival(location.origin),
    warmStarts,
    mayEncrypt: window.isSecureContext && crypto.subtle !== undefined,
    saveFile,
    copyText: (text) => navigator.clipboard.writeText(text),
    print: () => window.print(),
  };
}
