import { ClientEvent, type MatrixClient, Method, SyncState, type UIAuthCallback } from "matrix-js-sdk";
import { CryptoEvent, decodeRecoveryKey, DecryptionKeyDoesNotMatchError, deriveRecoveryKeyFromPassphrase, type KeyBackupInfo } from "matrix-js-sdk/lib/crypto-api";
import type { Session } from "@/domain/arrival";
import type { AccountKeys, BackupProgress, KeysState } from "@/domain/keys";
import { Problem } from "@/domain/problem";
import { Store } from "@/domain/store";
import { ask, failureOf, problemOf } from "./failures";
import { decryptKeyFile, encryptKeyFile } from "./key_file";
import { withPassword } from "./password_auth";
import type { SecretStorageKey } from "./secret_storage_key";

/** Account data that says whether a recovery key opens the account's secrets. */
const SECRET_DATA = /^m\.(?:secret_storage\.|cross_signing\.|megolm_backup\.)/;
const SECRETS_STEP_MS = 1_000;
const SECRETS_STEPS_MAX = 30;
/** Another device that makes a recovery key writes its parts one after the other; what is incomplete for longer stays so. */
const SETTLE_MS_MAX = 30_000;
const BACKUP_ANSWER_MS_MAX = 20_000;

/** The account's own keys: cross-signing, the secret storage that the recovery key opens, and the backup of message keys. */
export class Keys implements AccountKeys {
  readonly state = new Store<KeysState>({ state: "loading" });
  readonly backup = new Store<BackupProgress>({ uploadsLeft: 0 });
  readonly #client: MatrixClient;
  readonly #secret: SecretStorageKey;
  readonly #userId: string;
  #isChanging = false;
  #hasBegun = false;
  /** The server has refused keys that this device has made: the SDK takes them for the account's all the same. */
  #isRefused = false;
  /** The server has said in this run that it has the account's keys. */
  #isConfirmed = false;
  #looking: Promise<void> = Promise.resolve();
  /** A look that has not begun yet; who asks meanwhile gets its answer. */
  #next: Promise<void> | undefined;
  /** Since when the recovery key lacks secrets that it should open. */
  #incompleteSince: number | undefined;
  #settling: ReturnType<typeof setTimeout> | undefined;

  constructor(client: MatrixClient, secret: SecretStorageKey, session: Session) {
    this.#client = client;
    this.#secret = secret;
    this.#userId = session.userId;
  }

  /** Looks where the account stands, and makes its first keys by itself. */
  start(): void {
    const refresh = () => void this.refresh().catch(() => undefined);
    this.#client.on(CryptoEvent.KeysChanged, refresh);
    this.#client.on(ClientEvent.AccountData, (event) => void (SECRET_DATA.test(event.getType()) && refresh()));
    this.#client.on(ClientEvent.Sync, (state) => void (state === SyncState.Prepared && (this.#begin(), refresh())));
    this.#client.on(CryptoEvent.KeyBackupStatus, refresh);
    this.#client.on(CryptoEvent.UserTrustStatusChanged, (userId) => void (userId === this.#userId && refresh()));
    this.#client.on(CryptoEvent.DevicesUpdated, (userIds) => void (userIds.includes(this.#userId) && refresh()));
    this.#client.on(CryptoEvent.KeyBackupDecryptionKeyCached, () => void this.#restoreBackup().catch(() => undefined));
    this.#client.on(CryptoEvent.KeyBackupSessionsRemaining, (uploadsLeft) => this.backup.update((before) => ({ ...before, uploadsLeft })));
    this.#begin();
  }

  /** Looks where the account stands, as far as this device has heard. One look after the other: an older one must not have the last word. */
  refresh(): Promise<void> {
    if (this.#next) return this.#next;
    const next = this.#looking.then(() => {
      this.#next = undefined;
      return this.#look();
    });
    this.#next = next;
    this.#looking = next.catch(() => undefined);
    return next;
  }

  async #look(): Promise<void> {
    if (this.#isChanging || (this.#isRefused && !(await this.#takeOthers()))) return;
    const crypto = this.#crypto();
    const [known, status, storage] = await Promise.all([crypto.userHasCrossSigningKeys(this.#userId), crypto.getCrossSigningStatus(), crypto.getSecretStorageStatus()]);
    if (!known || this.#isChanging) return;
    const device = await crypto.getDeviceVerificationStatus(this.#userId, this.#client.getDeviceId() ?? "");
    const { masterKey, selfSigningKey, userSigningKey } = status.privateKeysCachedLocally;
    if (!device?.signedByOwner || !masterKey || !selfSigningKey || !userSigningKey) {
      if (!this.#isConfirmed && !(await this.#takeOthers())) return;
      if (this.#isChanging) return;
      this.state.set({ state: "needs-recovery", canVerifyWithDevice: await this.#hasOtherVerifiedDevice() });
      return;
    }
    // Before the first sync has ended the account's data may not be here yet, and nobody is to be asked to make a second key.
    if (storage.ready) this.#settle((await this.#lacksBackup()) ? "no-backup" : "ready");
    else if (this.#client.isInitialSyncComplete() && !this.#maySettle(storage.defaultKeyId)) this.#settle("no-recovery");
  }

  stop(): void {
    clearTimeout(this.#settling);
  }

  #settle(state: "ready" | "no-backup" | "no-recovery"): void {
    if (this.#isChanging) return;
    if (state !== "no-recovery") this.#incompleteSince = undefined;
    this.state.set({ state });
  }

  /** Whether the recovery key that there is may still become one that opens everything, so that it is too early to ask for another. */
  #maySettle(keyId: string | null): boolean {
    if (keyId === null) return false;
    this.#incompleteSince ??= Date.now();
    const left = this.#incompleteSince + SETTLE_MS_MAX - Date.now();
    if (left <= 0) return false;
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => void this.refresh().catch(() => undefined), left);
    return true;
  }

  /** Whether the server says that it has no backup which this device could use. While it cannot be asked, there is one. */
  async #lacksBackup(): Promise<boolean> {
    const crypto = this.#crypto();
    if ((await crypto.getActiveSessionBackupVersion()) !== null) return false;
    try {
      const info = await this.#client.http.authedRequest<KeyBackupInfo>(Method.Get, "/room_keys/version", undefined, undefined, { localTimeoutMs: BACKUP_ANSWER_MS_MAX });
      const { matchesDecryptionKey, trusted } = await crypto.isKeyBackupTrusted(info);
      return !matchesDecryptionKey && !trusted;
    } catch (error) {
      return failureOf(error).code === "M_NOT_FOUND";
    }
  }

  /** Another device of ours has just compared keys with this one: it sends the account's secrets now. */
  async awaitSecrets(): Promise<void> {
    for (let step = 0; step < SECRETS_STEPS_MAX; step += 1) {
      await this.#lookAgain();
      if (this.state.get().state !== "needs-recovery") return;
      await new Promise((resolve) => setTimeout(resolve, SECRETS_STEP_MS));
    }
  }

  async setUp(password: string): Promise<void> {
    await this.#change(async () => {
      // Those that the server has refused are on this device already, and would be taken for made.
      await ask(this.#crypto().bootstrapCrossSigning({ setupNewCrossSigning: true, authUploadDeviceSigningKeys: this.#authWith(password) }));
      await this.#makeBackup();
    });
  }

  async createRecoveryKey(): Promise<string> {
    const crypto = this.#crypto();
    const key = await crypto.createRecoveryKeyFromPassphrase();
    const hasBackup = (await crypto.getActiveSessionBackupVersion()) !== null;
    // Nobody looks while only a part of the secrets is in their new place.
    await this.#alone(async () => {
      await ask(crypto.bootstrapSecretStorage({ setupNewSecretStorage: true, setupNewKeyBackup: !hasBackup, createSecretStorageKey: async () => key }));
      this.#secret.set(key.privateKey);
      await crypto.checkKeyBackupAndEnable();
    });
    await this.refresh();
    return key.encodedPrivateKey ?? "";
  }

  async restore(recoveryKeyOrPassphrase: string): Promise<{ readonly imported: number; readonly total: number }> {
    const crypto = this.#crypto();
    await this.#unlock(recoveryKeyOrPassphrase.trim());
    await crypto.userHasCrossSigningKeys(this.#userId, true);
    await ask(crypto.bootstrapCrossSigning({}));
    // Where the backup is gone, or is another one, this device is verified all the same; the state tells of the backup.
    if (await this.#client.secretStorage.isStored("m.megolm_backup.v1")) await crypto.loadSessionBackupPrivateKeyFromSecretStorage().catch((error: unknown) => this.#forgive(error));
    await crypto.checkKeyBackupAndEnable();
    const result = await this.#restoreBackup();
    await this.refresh();
    return result;
  }

  async #forgive(error: unknown): Promise<void> {
    if (!(error instanceof DecryptionKeyDoesNotMatchError) && !(await this.#lacksBackup())) throw problemOf(error);
  }

  async exportKeys(passphrase: string): Promise<string> {
    return encryptKeyFile(await this.#crypto().exportRoomKeysAsJson(), passphrase);
  }

  async importKeys(file: string, passphrase: string): Promise<void> {
    await this.#crypto().importRoomKeysAsJson(await decryptKeyFile(file, passphrase));
  }

  async reset(password: string): Promise<void> {
    // The SDK deletes the backup first and asks for the password last. Logging no device out asks for it too, and changes nothing.
    await withPassword(this.#client, password, (auth) => this.#client.http.authedRequest(Method.Post, "/delete_devices", undefined, { devices: [], ...(auth ? { auth } : {}) }));
    await this.#change(() => ask(this.#crypto().resetEncryption(this.#authWith(password))));
  }

  /**
   * Makes keys anew. Nothing is asked of the server about them meanwhile: an answer from before would be taken for somebody else's keys,
   * and the new ones thrown away.
   */
  async #change(work: () => Promise<void>): Promise<void> {
    await this.#alone(work);
    this.#isRefused = false;
    await this.#lookAgain();
  }

  async #alone(work: () => Promise<void>): Promise<void> {
    this.#isChanging = true;
    try {
      await work();
    } finally {
      this.#isChanging = false;
    }
  }

  async #lookAgain(): Promise<void> {
    await this.#crypto().userHasCrossSigningKeys(this.#userId, true);
    await this.refresh();
  }

  /** Until it has succeeded: the server may not be there at the start. */
  #begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    void this.#makeFirst().catch(() => {
      this.#hasBegun = false;
    });
  }

  async #makeFirst(): Promise<void> {
    const crypto = this.#crypto();
    if (await this.#takeOthers()) {
      await crypto.checkKeyBackupAndEnable();
      return this.refresh();
    }
    try {
      // The first keys of an account need no password (v1.11 and later); servers that ask for it get it with `setUp`.
      // New ones also where an earlier attempt broke off: the server has none.
      await this.#change(() => crypto.bootstrapCrossSigning({ setupNewCrossSigning: true, authUploadDeviceSigningKeys: (makeRequest) => this.#askWithout(makeRequest) }));
    } catch (error) {
      if (!this.#isRefused) throw error;
      this.state.set({ state: "needs-password" });
      return;
    }
    await this.#makeBackup();
    await this.refresh();
  }

  /**
   * Takes the account's keys from the server, if it has any; false if it has none that can be used. The SDK is not asked: to it
   * what the server has refused is there too, and so is a first part that another client has left behind.
   */
  async #takeOthers(): Promise<boolean> {
    const { master_keys: masters, self_signing_keys: signers } = await this.#client.downloadKeysForUsers([this.#userId]);
    if (!masters?.[this.#userId] || !signers?.[this.#userId]) return false;
    await this.#crypto().userHasCrossSigningKeys(this.#userId, true);
    this.#isRefused = false;
    this.#isConfirmed = true;
    return true;
  }

  /** The backup begins at once; its key goes into the secret storage as soon as there is a recovery key. */
  async #makeBackup(): Promise<void> {
    const crypto = this.#crypto();
    if ((await crypto.checkKeyBackupAndEnable()) === null) await crypto.resetKeyBackup();
  }

  async #restoreBackup(): Promise<{ readonly imported: number; readonly total: number }> {
    const crypto = this.#crypto();
    if ((await crypto.getSessionBackupPrivateKey()) === null) return { imported: 0, total: 0 };
    try {
      return await crypto.restoreKeyBackup({
        progressCallback: (progress) => {
          if (progress.stage === "load_keys") this.backup.update((before) => ({ ...before, restored: { done: progress.successes, total: progress.total } }));
        },
      });
    } finally {
      this.backup.update(({ uploadsLeft }) => ({ uploadsLeft }));
    }
  }

  async #unlock(text: string): Promise<void> {
    const found = await this.#client.secretStorage.getKey();
    if (!found) throw new Problem("no_recovery");
    const [, info] = found;
    let key: Uint8Array;
    try {
      key = decodeRecoveryKey(text);
    } catch {
      if (!info.passphrase) throw new Problem("wrong_recovery_key");
      key = await deriveRecoveryKeyFromPassphrase(text, info.passphrase.salt, info.passphrase.iterations);
    }
    if (!(await this.#client.secretStorage.checkKey(key as Uint8Array<ArrayBuffer>, info))) throw new Problem("wrong_recovery_key");
    this.#secret.set(key);
  }

  async #hasOtherVerifiedDevice(): Promise<boolean> {
    const devices = (await this.#crypto().getUserDeviceInfo([this.#userId])).get(this.#userId);
    for (const deviceId of devices?.keys() ?? []) {
      if (deviceId === this.#client.getDeviceId()) continue;
      if ((await this.#crypto().getDeviceVerificationStatus(this.#userId, deviceId))?.signedByOwner) return true;
    }
    return false;
  }

  /** Known as soon as the answer is here: nobody looks at the keys before. */
  async #askWithout(makeRequest: Parameters<UIAuthCallback<void>>[0]): Promise<void> {
    await makeRequest(null).catch((error: unknown) => {
      this.#isRefused = failureOf(error).status === 401;
      throw error;
    });
  }

  #authWith(password: string): UIAuthCallback<void> {
    return async (makeRequest) => {
      try {
        await makeRequest(null);
      } catch (error) {
        const data = (error as { readonly data?: { readonly session?: string } }).data;
        if (failureOf(error).status !== 401) throw error;
        const auth = { type: "m.login.password", identifier: { type: "m.id.user", user: this.#userId }, password, ...(data?.session ? { session: data.session } : {}) };
        await makeRequest(auth).catch((refused: unknown) => {
          throw [401, 403].includes(failureOf(refused).status ?? 0) ? new Problem("wrong_password", {}, refused) : refused;
        });
      }
    };
  }

  #crypto(): NonNullable<ReturnType<MatrixClient["getCrypto"]>> {
    const crypto = this.#client.getCrypto();
    if (!crypto) throw new Problem("keys_loading");
    return crypto;
  }
}
