import type { Person } from "./engine";
import type { Readable } from "./store";

export interface PersonView extends Person {
  readonly presence?: { readonly online: boolean; readonly lastSeenAt?: number };
  readonly blocked: boolean;
}

export interface PersonDevice {
  readonly deviceId: string;
  readonly name: string;
  /** Signed by its owner's keys; of somebody verified that proves whose it is. */
  readonly verified: boolean;
}

/** What is known of other people. */
export interface People {
  /** The same object for the same person while it is in use. */
  person(userId: string): Readable<PersonView>;
  /** Name and picture from their server, for people we share no chat with. Fails with a Problem. */
  loadProfile(userId: string): Promise<void>;
  loadDevices(userId: string): Promise<readonly PersonDevice[]>;
  /** IDs of rooms that both are in. */
  loadSharedRooms(userId: string): Promise<readonly string[]>;
  report(userId: string, reason: string): Promise<void>;
  /** The direct chat with somebody, if there is one. */
  directChat(userId: string): string | undefined;
}
