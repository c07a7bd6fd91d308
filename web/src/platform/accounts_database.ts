import { openDB, type DBSchema, type IDBPDatabase } from "idb";

/** One signed-in account of this browser. `session` is what `protocol/session_store.ts` keeps. */
export interface AccountRow {
  readonly userId: string;
  readonly addedAt: number;
  readonly session: unknown;
  /** What stands between signing in and chatting, until it is done or skipped. */
  readonly welcome?: "new" | "restore";
}

interface Schema extends DBSchema {
  accounts: { key: string; value: AccountRow };
  values: { key: string; value: string };
}

export type AccountsDatabase = IDBPDatabase<Schema>;

/** The accounts of this browser; each account's own data is in databases of its own. */
export async function openAccountsDatabase(): Promise<AccountsDatabase> {
  return await openDB<Schema>("zajil-accounts", 1, {
    upgrade(database) {
      database.createObjectStore("accounts", { keyPath: "userId" });
      database.createObjectStore("values");
    },
    blocking: (_current, _blocked, event) => (event.target as IDBDatabase).close(),
  });
}
