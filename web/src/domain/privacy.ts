import type { Readable } from "./store";
import { readField, readRecord } from "./untrusted";

export interface OwnPrivacy {
  /** Whether others see that one is writing. */
  readonly showsTyping: Readable<boolean>;
  setShowsTyping(shows: boolean): Promise<void>;
  /** Whether anybody may begin a chat with us; false: the server refuses all invitations. */
  readonly takesInvites: Readable<boolean>;
  setTakesInvites(takes: boolean): Promise<void>;
}

/** From the account data `org.zajil.privacy`, beside what the server itself reads there. */
export function readShowsTyping(content: unknown): boolean {
  return readField(readRecord(content), "typing") !== false;
}

/** From the account data `m.invite_permission_config` (client-server API, "Invite permission"). */
export function readTakesInvites(content: unknown): boolean {
  return readField(readRecord(content), "default_action") !== "block";
}
