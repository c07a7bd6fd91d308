import { createClient, IndexedDBStore, type ISyncResponse, type MatrixClient, type MatrixEvent, Room } from "matrix-js-sdk";
import { logger } from "matrix-js-sdk/lib/logger";
import type { CryptoCallbacks } from "matrix-js-sdk/lib/crypto-api";
import { engineDatabaseName } from "@/platform/engine_database";
import { Turns } from "@/platform/turns";
import { postponeKeyBundles } from "./key_bundles";
import type { SessionTokens } from "./session_tokens";

/** Names of all that an account's engine keeps in IndexedDB. */
export function databaseNames(userId: string): { readonly engine: string; readonly sync: string; readonly crypto: string } {
  return { engine: engineDatabaseName(userId), sync: `zajil-sync:${userId}`, crypto: `zajil-crypto:${userId}` };
}

/**
 * Stands between the SDK and its cache of the last sync. What the cache holds must be in the archive too: then nothing has to be
 * looked at again when the cache is read at the next start.
 */
export class SyncGate {
  readonly #ephemeral: EphemeralListener;
  readonly #archiving = new Set<Promise<unknown>>();
  #isProcessing = false;
  #isClosed = false;

  constructor(ephemeral: EphemeralListener) {
    this.#ephemeral = ephemeral;
  }

  /** An event of sync on its way into the archive. */
  follow(work: Promise<unknown>): void {
    this.#archiving.add(work);
    void work.catch(() => undefined).finally(() => this.#archiving.delete(work));
  }

  /** All events of the sync have been given out. */
  processed(): void {
    this.#isProcessing = false;
  }

  /** Lets a sync that is being processed end; no other is taken in after it. */
  async close(): Promise<void> {
    for (let waited = 0; this.#isProcessing && waited < PROCESSING_MS_MAX; waited += 20) await new Promise((resolve) => setTimeout(resolve, 20));
    this.#isClosed = true;
  }

  async archived(): Promise<void> {
    while (this.#archiving.size > 0) await Promise.allSettled(this.#archiving);
  }

  buildStore(dbName: string): IndexedDBStore {
    const store = new IndexedDBStore({ indexedDB: globalThis.indexedDB, dbName });
    const { setSyncData, save } = store;
    store.setSyncData = async (syncData: ISyncResponse) => {
      if (this.#isClosed) return;
      this.#isProcessing = true;
      // The SDK passes ephemeral events that it does not know on without saying for which room.
      for (const [roomId, room] of Object.entries(syncData.rooms?.join ?? {})) {
        for (const event of room.ephemeral?.events ?? []) this.#ephemeral(roomId, event.type, event.content);
      }
      await setSyncData.call(store, syncData);
    };
    store.save = async (force?: boolean) => {
      await this.archived();
      await save.call(store, force);
    };
    return store;
  }
}

const PROCESSING_MS_MAX = 3_000;
const BACKUP_CHECK_MS_MAX = 1_000;

export type EphemeralListener = (roomId: string, type: string, content: unknown) => void;

/** The SDK's client of an account. Nothing is loaded yet. */
export function buildClient(tokens: SessionTokens, cryptoCallbacks: CryptoCallbacks, gate: SyncGate): MatrixClient {
  // Parts of the SDK that belong to no client write to a logger of their own.
  (logger as { setLevel?(level: string): void }).setLevel?.("error");
  const { session } = tokens;
  const store = gate.buildStore(databaseNames(session.userId).sync);
  const client = createClient({
    baseUrl: session.baseUrl,
    userId: session.userId,
    deviceId: session.deviceId,
    accessToken: session.accessToken,
    // The SDK renews tokens of OAuth sessions only.
    fetchFn: tokens.fetch,
    store,
    cryptoCallbacks,
    useAuthorizationHeader: true,
    timelineSupport: false,
    disableVoip: true,
    verificationMethods: ["m.sas.v1", "m.qr_code.show.v1", "m.qr_code.scan.v1", "m.reciprocate.v1"],
    logger: quietLogger,
  });
  // There are no calls here, for which it would look into every room at once.
  client.matrixRTC.start = () => undefined;
  tokens.listen((accessToken) => client.setAccessToken(accessToken));
  return client;
}

/** Reads what is remembered of the last sync, and loads the keys. */
export async function loadClient(client: MatrixClient): Promise<void> {
  try {
    await client.store.startup();
  } catch {
    // A damaged cache costs a full sync, nothing else.
    await client.store.deleteAllData().catch(() => undefined);
  }
  await postponeKeyBundles();
  await client.initRustCrypto({ cryptoDatabasePrefix: databaseNames(client.getSafeUserId()).crypto });
  spreadRooms(client);
  leaveOutMalformedVerifications(client);
}

interface VerificationEvents {
  onKeyVerificationEvent(event: MatrixEvent): Promise<void>;
  onIncomingKeyVerificationRequest(sender: string, transactionId: unknown): void;
}

/**
 * Anybody can send events of verifications that are none: the crypto refuses them with exceptions that nobody in the SDK waits for, or that
 * would stop the sync they came with. They are left out, and what was going on goes on.
 */
function leaveOutMalformedVerifications(client: MatrixClient): void {
  const crypto = client.getCrypto() as unknown as VerificationEvents;
  const { onKeyVerificationEvent, onIncomingKeyVerificationRequest } = crypto;
  crypto.onKeyVerificationEvent = (event) => onKeyVerificationEvent.call(crypto, event).catch(() => undefined);
  crypto.onIncomingKeyVerificationRequest = (sender, transactionId) => {
    if (typeof transactionId !== "string") return;
    try {
      onIncomingKeyVerificationRequest.call(crypto, sender, transactionId);
    } catch {
      // As above.
    }
  };
}

const turns = new Turns();
const { addLiveEvents } = Room.prototype;

/** The SDK takes all rooms of a sync in one go. Before it adds a room's messages the page gets its turn. */
Room.prototype.addLiveEvents = async function addInTurn(this: Room, ...parts: Parameters<typeof addLiveEvents>) {
  await turns.next();
  await addLiveEvents.apply(this, parts);
};

/** And where it waits for its crypto at each encrypted room. */
function spreadRooms(client: MatrixClient): void {
  const crypto = client.getCrypto() as unknown as { onCryptoEvent(room: Room, event: MatrixEvent): Promise<void> };
  const { onCryptoEvent } = crypto;
  crypto.onCryptoEvent = async (room, event) => {
    await onCryptoEvent.call(crypto, room, event);
    await turns.next();
  };
}

/** Waits a moment for the SDK's look at the key backup, which goes on in a crypto that has been closed meanwhile, and fails there. To be called before the client is stopped. */
export async function awaitBackupCheck(client: MatrixClient): Promise<void> {
  const crypto = client.getCrypto() as unknown as { readonly backupManager?: { readonly keyBackupCheckInProgress?: Promise<unknown> | null } } | undefined;
  const late = new Promise((resolve) => setTimeout(resolve, BACKUP_CHECK_MS_MAX));
  await Promise.race([crypto?.backupManager?.keyBackupCheckInProgress ?? null, late]).catch(() => undefined);
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
