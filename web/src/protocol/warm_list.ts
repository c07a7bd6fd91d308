import { isExpired } from "@/domain/disappearing";
import type { ChatSummary, Person } from "@/domain/engine";
import { engineDatabaseName, openEngineDatabase, Vault } from "@/platform/engine_database";
import { SavedValues } from "./saved_values";

export interface WarmList {
  readonly chats: readonly ChatSummary[];
  readonly profile?: Person;
}

/** Where the engine keeps its list and the account's own name between runs. */
export const SAVED_CHATS = "chat-list";
export const SAVED_PROFILE = "profile";

/** The list as it was saved, without what belongs to that time: who was typing, and messages that have disappeared since. */
export function parseSavedChats(saved: unknown, now: number): ChatSummary[] {
  if (!Array.isArray(saved)) return [];
  return (saved as ChatSummary[]).map(({ last, ...chat }) => ({ ...chat, typing: [], ...(last && !isExpired(last.message.expiresAt, now) ? { last } : {}) }));
}

/** The chat list of the last time, read without the SDK: it is on the screen while that is still being loaded. Empty if there is none. */
export async function loadWarmList(userId: string): Promise<WarmList> {
  const database = await openEngineDatabase(engineDatabaseName(userId));
  try {
    const values = new SavedValues(database, await Vault.open(database));
    const [chats, profile] = await Promise.all([values.load(SAVED_CHATS), values.load(SAVED_PROFILE)]);
    return { chats: parseSavedChats(chats, Date.now()), ...(profile ? { profile: profile as Person } : {}) };
  } finally {
    database.close();
  }
}
