import { createClient, IndexedDBStore, type ISyncResponse, type MatrixClient } from "matrix-js-sdk";
import { logger } from "matrix-js-sdk/lib/logger";
import type { CryptoCallbacks } from "matrix-js-sdk/lib/crypto-api";
import type { Session } from "@/domain/arrival";

/** Names of all that an account's engine keeps in IndexedDB. */
export function databaseNames(userId: string): { readonly engine: string; readonly sync: string; readonly crypto: string } {
  return { engine: `zajil-engine:${userId}`, sync: `zajil-sync:${userId}`, crypto: `zajil-crypto:${userId}` };
}

/** A store that tells what sync brings of ephemeral events: the SDK passes those it does not know on without saying for which room. */
function buildStore(dbName: string, ephemeral: EphemeralListener): IndexedDBStore {
  const store = new IndexedDBStore({ indexedDB: globalThis.indexedDB, dbName });
  const setSyncData = store.setSyncData;
  store.setSyncData = (syncData: ISyncResponse) => {
    for (const [roomId, room] of Object.entries(syncData.rooms?.join ?? {})) {
      for (const event of room.ephemeral?.events ?? []) ephemeral(roomId, event.type, event.content);
    }
    return setSyncData.call(store, syncData);
  };
  return store;
}

export type EphemeralListener = (roomId: string, type: string, content: unknown) => void;

/** The SDK's client of an account. Nothing is loaded yet. */
export function buildClient(session: Session, cryptoCallbacks: CryptoCallbacks, ephemeral: EphemeralListener): MatrixClient {
  // Parts of the SDK that belong to no client write to a logger of their own.
  (logger as { setLevel?(level: string): void }).setLevel?.("error");
  const store = buildStore(databaseNames(session.userId).sync, ephemeral);
  return createClient({
    baseUrl: session.baseUrl,
    userId: session.userId,
    deviceId: session.deviceId,
    accessToken: session.accessToken,
    store,
    cryptoCallbacks,
    useAuthorizationHeader: true,
    timelineSupport: false,
    disableVoip: true,
    verificationMethods: ["m.sas.v1", "m.qr_code.show.v1", "m.qr_code.scan.v1", "m.reciprocate.v1"],
    logger: quietLogger,
  });
}

/** Reads what is remembered of the last sync, and loads the keys. */
export async function loadClient(client: MatrixClient): Promise<void> {
  try {
    await client.store.startup();
  } catch {
    // A damaged cache costs a full sync, nothing else.
    await client.store.deleteAllData().catch(() => undefined);
  }
  await client.initRustCrypto({ cryptoDatabasePrefix: databaseNames(client.getSafeUserId()).crypto });
}

/** Deletes what an account's engine keeps on this device. The engine must be stopped. */
export async function eraseDatabases(userId: string): Promise<void> {
  await Promise.all([deleteDatabase(databaseNames(userId).engine), eraseKeysAndSync(userId)]);
}

/** Deletes the keys and what was synced, but not the history that was read. */
export async function eraseKeysAndSync(userId: string): Promise<void> {
  const { sync, crypto } = databaseNames(userId);
  // Names that the SDK and its crypto derive from the ones they are given.
  const names = [`matrix-js-sdk:${sync}`, `${crypto}::matrix-sdk-crypto`, `${crypto}::matrix-sdk-crypto-meta`];
  await Promise.all(names.map((name) => deleteDatabase(name)));
}

function deleteDatabase(name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(name);
    request.addEventListener("success", () => resolve());
    request.addEventListener("error", () => reject(request.error));
    // Another tab still has it open; it is deleted when that one closes it.
    request.addEventListener("blocked", () => resolve());
  });
}

/** The SDK tells a lot; only what points to a fault is kept in the console. */
const quietLogger = {
  trace: () => undefined,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: (...parts: unknown[]) => console.error(...parts),
  getChild: () => quietLogger,
};
