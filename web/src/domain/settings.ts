import type { Device } from "./account_settings";
import type { ExportRequest, ExportResult } from "./export";
import type { Notifications } from "./notifications";
import type { OwnPrivacy } from "./privacy";
import type { Readable } from "./store";
import type { DeviceStorage } from "./storage_use";

/** What the settings ask of the account at work, beyond `settings`, `devices` and `keys`. Actions fail with a Problem. */
export interface OwnAccount {
  readonly about: Readable<ProfileFields>;
  setAbout(fields: Partial<ProfileFields>): Promise<void>;
  readonly privacy: OwnPrivacy;
  readonly notifications: Notifications;
  readonly storage: DeviceStorage;
  /** A one-time link with which one more device signs in. */
  linkDevice(password: string): Promise<{ readonly token: string; readonly expiresAt: number }>;
  /** Whether it is the account's recovery key. */
  checkRecoveryKey(key: string): Promise<boolean>;
  changePassword(before: string, after: string, logOutOthers: boolean): Promise<void>;
  /** Everything the server answers about this account, asked for now. */
  loadKnown(): Promise<KnownAtServer>;
  export(request: ExportRequest): Promise<ExportResult>;
}

/** What others see beside name and picture. */
export interface ProfileFields {
  readonly status: string;
  /** An IANA name; empty: not told. */
  readonly timeZone: string;
}

export const STATUS_LENGTH_MAX = 140;

export interface KnownRoom {
  readonly roomId: string;
  readonly name: string;
  readonly isEncrypted: boolean;
  readonly membersCount: number;
}

/** What the server answers when it is asked about this account. */
export interface KnownAtServer {
  readonly userId: string;
  readonly profile: Readonly<Record<string, string>>;
  readonly devices: readonly Device[];
  readonly rooms: readonly KnownRoom[];
  readonly blocked: readonly string[];
  readonly pushers: readonly { readonly appId: string; readonly deviceName: string; readonly place: string }[];
  /** Settings kept for this account: their names and how many bytes they have. */
  readonly accountData: readonly { readonly type: string; readonly bytes: number; readonly isEncrypted: boolean }[];
  readonly roomDataCount: number;
  readonly backup?: { readonly keys: number };
  /** Bytes; absent if the server does not tell. */
  readonly uploadMax?: number;
}
