import type { Session } from "@/domain/arrival";
import type { Engine } from "@/domain/engine";
import { saveFile } from "@/platform/files";
import { takeTabLock } from "@/platform/tab_lock";
import { Accounts } from "@/protocol/accounts";
import { buildArrival } from "@/protocol/arrival";
import { endSession } from "@/protocol/session_store";
import type { AppServices } from "./app_context";
import { AppModel } from "./app_model";

/** The SDK and its cryptography are loaded here and nowhere else: only once there is an account. */
async function startEngine(session: Session): Promise<Engine> {
  const { startEngine: start } = await import("@/protocol/start_engine");
  return await start(session);
}

/** Databases of an account all have its ID in their name; a new log-in starts with none of them. */
async function forgetAccount(session: Session): Promise<void> {
  const databases = (await indexedDB.databases()).map((each) => each.name ?? "").filter((name) => name.includes(session.userId));
  await Promise.all(
    databases.map((name) => new Promise<void>((resolve, reject) => {
      const request = indexedDB.deleteDatabase(name);
      request.onsuccess = () => resolve();
      request.onerror = () => reject(request.error ?? new Error(`cannot delete ${name}`));
      // Deleted as soon as the last tab that has it open lets go.
      request.onblocked = () => resolve();
    })),
  );
}

export async function buildServices(): Promise<AppServices> {
  const accounts = await Accounts.open();
  const model = new AppModel({ accounts, startEngine, endSession, forgetAccount, takeLock: takeTabLock, now: Date.now });
  await model.start();
  return {
    model,
    arrival: buildArrival(location.origin),
    mayEncrypt: window.isSecureContext && crypto.subtle !== undefined,
    saveFile,
    copyText: (text) => navigator.clipboard.writeText(text),
    print: () => window.print(),
  };
}
