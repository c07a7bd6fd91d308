import type { EngineDatabase, Sealed, Vault } from "@/platform/engine_database";

const SAVE_DELAY_MS = 500;

/** Single values that outlive the page, encrypted at rest; changes are written together after a moment. */
export class SavedValues {
  readonly #database: EngineDatabase;
  readonly #vault: Vault;
  readonly #changed = new Map<string, unknown>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(database: EngineDatabase, vault: Vault) {
    this.#database = database;
    this.#vault = vault;
  }

  async load(name: string): Promise<unknown> {
    if (this.#changed.has(name)) return this.#changed.get(name);
    const sealed = (await this.#database.get("values", name)) as Sealed | undefined;
    return sealed && this.#vault.unseal(sealed);
  }

  /** `value` is JSON and must not change afterwards. */
  save(name: string, value: unknown): void {
    this.#changed.set(name, value);
    this.#timer ??= setTimeout(() => void this.flush().catch(() => undefined), SAVE_DELAY_MS);
  }

  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const changed = [...this.#changed];
    for (const [name, value] of changed) {
      await this.#database.put("values", await this.#vault.seal(value), name);
      if (this.#changed.get(name) === value) this.#changed.delete(name);
    }
  }
}
