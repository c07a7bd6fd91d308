import { openAccountsDatabase, type AccountsDatabase } from "@/platform/accounts_database";
import type { Session } from "@/domain/arrival";
import { parseStoredSession } from "./session_store";

const ACTIVE = "active";
export const ACCOUNTS_MAX = 20;

/** The accounts that are signed in on this device, and which of them is at work. */
export class Accounts {
  readonly #database: AccountsDatabase;

  private constructor(database: AccountsDatabase) {
    this.#database = database;
  }

  static async open(): Promise<Accounts> {
    return new Accounts(await openAccountsDatabase());
  }

  /** Lets go of the database, so that it can be deleted. */
  close(): void {
    this.#database.close();
  }

  /** In the order in which they were added. */
  async list(): Promise<readonly Session[]> {
    const rows = (await this.#database.getAll("accounts")).sort((one, other) => one.addedAt - other.addedAt);
    return rows.map((row) => parseStoredSession(row.session)).filter((session) => session !== null);
  }

  /** As it stands on the disk, with the newest tokens. */
  async load(userId: string): Promise<Session | null> {
    return parseStoredSession((await this.#database.get("accounts", userId))?.session);
  }

  /** Keeps the new tokens of an account that is still here. */
  async storeSession(session: Session): Promise<void> {
    const transaction = this.#database.transaction("accounts", "readwrite");
    const row = await transaction.store.get(session.userId);
    if (row !== undefined) await transaction.store.put({ ...row, session });
    await transaction.done;
  }

  async loadActive(): Promise<string | undefined> {
    return await this.#database.get("values", ACTIVE);
  }

  async storeActive(userId: string): Promise<void> {
    await this.#database.put("values", userId, ACTIVE);
  }

  async add(session: Session, welcome: "new" | "restore", now: number): Promise<void> {
    const known = await this.#database.get("accounts", session.userId);
    await this.#database.put("accounts", { userId: session.userId, addedAt: known?.addedAt ?? now, session, welcome });
    await this.storeActive(session.userId);
  }

  /** The step that is still to be done before this account's chats are shown. */
  async loadWelcome(userId: string): Promise<"new" | "restore" | null> {
    return (await this.#database.get("accounts", userId))?.welcome ?? null;
  }

  async finishWelcome(userId: string): Promise<void> {
    const row = await this.#database.get("accounts", userId);
    if (row !== undefined) await this.#database.put("accounts", { userId: row.userId, addedAt: row.addedAt, session: row.session });
  }

  async remove(userId: string): Promise<void> {
    await this.#database.delete("accounts", userId);
    if ((await this.loadActive()) === userId) await this.#database.delete("values", ACTIVE);
  }
}
