import type { Session } from "@/domain/arrival";
import type { Engine } from "@/domain/engine";
import { openEngineDatabase, Vault } from "@/platform/engine_database";
import { RunningEngine } from "./running_engine";
import { databaseNames, eraseDatabases } from "./sdk_client";
import { SessionTokens } from "./session_tokens";

export interface EngineServices {
  readonly now: () => number;
  readonly random: () => number;
  /** Calls back when the device is on a network again; returns the function that ends it. */
  readonly onNetwork: (listener: () => void) => () => void;
}

export const BROWSER_SERVICES: EngineServices = {
  now: Date.now,
  random: Math.random,
  onNetwork(listener) {
    if (typeof globalThis.addEventListener !== "function") return () => undefined;
    globalThis.addEventListener("online", listener);
    return () => globalThis.removeEventListener("online", listener);
  },
};

/**
 * Puts an account to work. When the promise is fulfilled, the chat list of the last time is there, and what was seen before can be opened;
 * keys and sync follow. Only one engine of an account may run at a time: two would destroy its keys.
 */
export async function startEngine(session: Session, services: EngineServices = BROWSER_SERVICES, tokens = new SessionTokens(session, services)): Promise<Engine> {
  const database = await openEngineDatabase(databaseNames(session.userId).engine);
  const running = new RunningEngine(tokens, services, database, await Vault.open(database));
  await running.prepare();
  running.run();
  return running.engine;
}

/** Deletes all that the account's engine keeps on this device: history, queue and keys. The engine must be stopped. */
export async function eraseEngine(userId: string): Promise<void> {
  await eraseDatabases(userId);
}
