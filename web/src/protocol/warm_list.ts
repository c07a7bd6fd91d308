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

/** The chat list of the last time, read without the SDK: it is on the screen while that is still being loaded. Empty if there is none. */
export async function loadWarmList(userId: string): Promise<WarmList> {
  const database = await openEngineDatabase(engineDatabaseName(userId));
  try {
    const values = new SavedValues(database, await Vault.open(database));
    const [chats, profile] = await Promise.all([values.load(SAVED_CHATS), values.load(SAVED_PROFILE)]);
    return { chats: Array.isArray(chats) ? (chats as ChatSummary[]).map((chat) => ({ ...chat, typing: [] })) : [], ...(profile ? { profile: profile as Person } : {}) };
  } finally {
    database.close();
  }
}
