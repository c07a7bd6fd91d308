import type { Message } from "./message";
import type { Permission, Circle, RoomAccess, RoomPowers } from "./room_powers";
import type { Readable } from "./store";

/** What is known of a room besides its line in the list. */
export interface RoomDetails {
  readonly topic: string;
  readonly alias?: string;
  readonly access: RoomAccess;
  readonly powers: RoomPowers;
  /** Event IDs, the newest last. */
  readonly pinned: readonly string[];
  readonly starred: readonly string[];
  readonly encrypted: boolean;
  /** Milliseconds after which the key of new messages is renewed at the latest. */
  readonly keyRenewalMs?: number;
  /** Communities it says it belongs to. */
  readonly version: string;
}

export type GalleryKind = "media" | "files" | "links";

export interface GalleryPage {
  /** Newest first. */
  readonly messages: readonly Message[];
  /** Where the next page begins; absent at the end of what this device has. */
  readonly next?: number;
}

/** Looks after one room. */
export interface RoomCare {
  readonly details: Readable<RoomDetails>;
  setAccess(access: "invite" | "knock" | "public"): Promise<void>;
  setPermission(permission: Permission, circle: Circle): Promise<void>;
  /** Files and links of the chat, as far as this device has its history. */
  loadGallery(kind: GalleryKind, before?: number): Promise<GalleryPage>;
  /** A knock is answered. */
  admit(userId: string): Promise<void>;
}
