import type { Readable } from "./store";

export interface Device {
  readonly deviceId: string;
  readonly name: string;
  /** This very device. */
  readonly current: boolean;
  /** Signed by its owner's keys. */
  readonly verified: boolean;
  readonly lastSeenAt?: number;
  readonly lastSeenIp?: string;
}

/** Where the account is signed in. Actions fail with a Problem, "wrong_password" among them. */
export interface Devices {
  list(): Promise<readonly Device[]>;
  rename(deviceId: string, name: string): Promise<void>;
  /** Signs devices out from afar. */
  logOut(deviceIds: readonly string[], password: string): Promise<void>;
}

export interface Privacy {
  readonly lastSeen: "everyone" | "contacts" | "nobody";
  readonly readReceipts: boolean;
  readonly delivered: boolean;
}

/** What the account's owner sets; kept at the server, so that all devices agree. */
export interface AccountSettings {
  readonly privacy: Readable<Privacy>;
  setPrivacy(privacy: Privacy): Promise<void>;
  /** Seconds after which messages disappear in chats made from now on; 0 = never. */
  readonly disappearAfterS: Readable<number>;
  setDisappearAfter(seconds: number): Promise<void>;
  setName(name: string): Promise<void>;
  setAvatar(picture: Blob | null): Promise<void>;
  changePassword(before: string, after: string): Promise<void>;
  /** Ends the account; `erase` takes what it sent from those who have not read it yet. There is no way back. */
  deleteAccount(password: string, erase: boolean): Promise<void>;
}
