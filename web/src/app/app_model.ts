import type { Session } from "@/domain/arrival";
import type { Engine } from "@/domain/engine";
import type { MediaAccess } from "@/domain/media/ports";
import { Problem } from "@/domain/problem";
import { Store } from "@/domain/store";

/** All that works for one account. */
export interface RunningAccount {
  readonly engine: Engine;
  readonly media: MediaAccess;
  stop(): Promise<void>;
}

/** What the app does with the account at work. */
export type EngineState =
  | { readonly state: "none" }
  | { readonly state: "starting" }
  | { readonly state: "running"; readonly account: RunningAccount }
  | { readonly state: "failed"; readonly problem: Problem }
  /** Another tab has this account open; two at once would destroy its keys. */
  | { readonly state: "elsewhere" };

/** The one step between having an account here and using it: saving the recovery key, or giving it. */
export type Welcome = "new" | "restore";

/** What the model needs of the world, so that it can be tested without a browser. */
export interface AppParts {
  readonly accounts: {
    list(): Promise<readonly Session[]>;
    loadActive(): Promise<string | undefined>;
    storeActive(userId: string): Promise<void>;
    add(session: Session, welcome: Welcome, now: number): Promise<void>;
    loadWelcome(userId: string): Promise<Welcome | null>;
    finishWelcome(userId: string): Promise<void>;
    remove(userId: string): Promise<void>;
  };
  startAccount(session: Session): Promise<RunningAccount>;
  endSession(session: Session): Promise<void>;
  /** Deletes everything that this device keeps of an account. */
  forgetAccount(session: Session): Promise<void>;
  takeLock(name: string, steal: boolean, onStolen: () => void): Promise<{ release(): void } | null>;
  now(): number;
}

/** The accounts of this device and the engine of the one at work. Its methods run one after the other. */
export class AppModel {
  readonly accounts = new Store<readonly Session[]>([]);
  readonly active = new Store<Session | null>(null);
  readonly welcome = new Store<Welcome | null>(null);
  readonly engine = new Store<EngineState>({ state: "none" });
  readonly #parts: AppParts;
  #lock: { release(): void } | null = null;
  #work: Promise<unknown> = Promise.resolve();

  constructor(parts: AppParts) {
    this.#parts = parts;
  }

  /** Finds the accounts and starts the one that was last at work. */
  start(): Promise<void> {
    return this.#inTurn(async () => {
      const sessions = await this.#parts.accounts.list();
      const active = await this.#parts.accounts.loadActive();
      this.accounts.set(sessions);
      await this.#activate(sessions.find((each) => each.userId === active) ?? sessions[0] ?? null);
      // The list of chats from the last time is drawn while the engine starts.
      void this.#inTurn(() => this.#startEngine(false));
    });
  }

  /** Signed up or logged in: this account is at work from now on. */
  add(session: Session, welcome: Welcome): Promise<void> {
    return this.#inTurn(async () => {
      await this.#stopEngine();
      const replaced = this.accounts.get().find((each) => each.userId === session.userId);
      // Keys belong to a device: those of an earlier log-in on this computer are of no use to the new one.
      if (replaced !== undefined && replaced.deviceId !== session.deviceId) await this.#parts.forgetAccount(replaced);
      await this.#parts.accounts.add(session, welcome, this.#parts.now());
      this.accounts.set(await this.#parts.accounts.list());
      await this.#activate(session);
      void this.#inTurn(() => this.#startEngine(true));
    });
  }

  switchTo(userId: string): Promise<void> {
    return this.#inTurn(async () => {
      const session = this.accounts.get().find((each) => each.userId === userId);
      if (session === undefined || session === this.active.get()) return;
      await this.#stopEngine();
      await this.#parts.accounts.storeActive(userId);
      await this.#activate(session);
      void this.#inTurn(() => this.#startEngine(false));
    });
  }

  /** Tries again after a failure, or takes the account from another tab. */
  restartEngine(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#stopEngine();
      await this.#startEngine(true);
    });
  }

  /** Logs out (best effort where `isEnded`: the server has ended the session already) and forgets the account on this device. */
  remove(userId: string, isEnded = false): Promise<void> {
    return this.#inTurn(async () => {
      const session = this.accounts.get().find((each) => each.userId === userId);
      if (session === undefined) return;
      if (!isEnded) await this.#parts.endSession(session);
      const wasActive = this.active.get()?.userId === userId;
      if (wasActive) await this.#stopEngine();
      await this.#parts.accounts.remove(userId);
      await this.#parts.forgetAccount(session);
      this.accounts.set(await this.#parts.accounts.list());
      if (!wasActive) return;
      const next = this.accounts.get()[0] ?? null;
      if (next !== null) await this.#parts.accounts.storeActive(next.userId);
      await this.#activate(next);
      if (next !== null) void this.#inTurn(() => this.#startEngine(false));
    });
  }

  async finishWelcome(): Promise<void> {
    const session = this.active.get();
    this.welcome.set(null);
    if (session !== null) await this.#parts.accounts.finishWelcome(session.userId);
  }

  async #activate(session: Session | null): Promise<void> {
    this.welcome.set(session === null ? null : await this.#parts.accounts.loadWelcome(session.userId));
    this.active.set(session);
  }

  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const done = this.#work.then(step);
    this.#work = done.catch(() => undefined);
    return done;
  }

  async #startEngine(steal: boolean): Promise<void> {
    const session = this.active.get();
    if (session === null || this.engine.get().state === "running") return;
    this.engine.set({ state: "starting" });
    try {
      this.#lock = await this.#parts.takeLock(`zajil-account:${session.userId}`, steal, () => void this.#inTurn(() => this.#giveUp()));
      if (this.#lock === null) {
        this.engine.set({ state: "elsewhere" });
        return;
      }
      this.engine.set({ state: "running", account: await this.#parts.startAccount(session) });
    } catch (error) {
      console.error(error);
      this.engine.set({ state: "failed", problem: error instanceof Problem ? error : new Problem("engineFailed", {}, error) });
    }
  }

  async #giveUp(): Promise<void> {
    await this.#stopEngine();
    this.engine.set({ state: "elsewhere" });
  }

  async #stopEngine(): Promise<void> {
    const current = this.engine.get();
    this.engine.set({ state: "none" });
    try {
      if (current.state === "running") await current.account.stop();
    } finally {
      this.#lock?.release();
      this.#lock = null;
    }
  }
}
