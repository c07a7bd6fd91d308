import type { Readable } from "./store";

/** What the account's keys need from its owner. */
export type KeysState =
  | { readonly state: "loading" }
  /** Made on this device moments ago, or ready here, but no recovery key was saved: losing this device loses the messages. */
  | { readonly state: "no-recovery" }
  /** The recovery key is there, but the server has no backup of the message keys that it opens: it was lost or deleted elsewhere. */
  | { readonly state: "no-backup" }
  /** All is well: this device is verified and old messages can be restored. */
  | { readonly state: "ready" }
  /** A new device of an account with keys: it must be verified by another device or the recovery key. */
  | { readonly state: "needs-recovery"; readonly canVerifyWithDevice: boolean }
  /** The server refused the keys without the password (see `setUp`). */
  | { readonly state: "needs-password" };

export interface BackupProgress {
  /** Keys not yet in the backup. */
  readonly uploadsLeft: number;
  /** While old keys are being restored. */
  readonly restored?: { readonly done: number; readonly total: number };
}

export interface AccountKeys {
  readonly state: Readable<KeysState>;
  readonly backup: Readable<BackupProgress>;
  /** Makes the account's keys with its password, where the server asks for it. */
  setUp(password: string): Promise<void>;
  /** A new recovery key, as a person writes it down. An older one is no longer valid. */
  createRecoveryKey(): Promise<string>;
  /** Verifies this device with the recovery key (or its passphrase) and reads the old messages' keys. */
  restore(recoveryKeyOrPassphrase: string): Promise<{ readonly imported: number; readonly total: number }>;
  /** All message keys as a file that other Matrix clients read, encrypted with the passphrase. */
  exportKeys(passphrase: string): Promise<string>;
  importKeys(file: string, passphrase: string): Promise<void>;
  /** Begins anew where everything was lost: contacts will see that the keys changed. */
  reset(password: string): Promise<void>;
}
