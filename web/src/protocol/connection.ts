import { ClientEvent, HttpApiEvent, type MatrixClient, MatrixError, SyncState } from "matrix-js-sdk";
import type { Connection } from "@/domain/engine";
import { Store, type Readable } from "@/domain/store";
import { failureOf } from "./failures";
import { RequestPace } from "./request_pace";
import { ServiceStatus } from "./service_status";

export interface ConnectionOptions {
  readonly client: MatrixClient;
  readonly now: () => number;
  readonly random: () => number;
  /** The server can be reached. */
  readonly online: () => void;
  /** It can be reached, and wants less to be asked: what people write may go out, the rest waits for `online`. */
  readonly busy: () => void;
  readonly offline: () => void;
}

const KEEP_ALIVE_MS = 5_000;
/** To be asked to wait so long is no news. */
const MOMENT_MS = 2_500;

/** Whether the server can be reached, since when, and what it says about itself. */
export class ConnectionWatch {
  readonly #options: ConnectionOptions;
  readonly #store: Store<Connection> = new Store<Connection>({ state: "starting" });
  readonly #status: ServiceStatus;
  readonly #pace: RequestPace;
  #reach: "unknown" | "none" | "busy" | "full" = "unknown";
  #ended: Extract<Connection, { state: "ended" }>["reason"] | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { client, now, random } = options;
    this.#pace = new RequestPace({ client, now, random, asked: (until) => this.#wait(until) });
    this.#status = new ServiceStatus(client.baseUrl, now, () => this.#retell());
    client.on(ClientEvent.Sync, (state, _previous, data) => this.#take(state, data?.error, data?.fromCache ?? false));
    client.on(HttpApiEvent.SessionLoggedOut, (error) => this.#end(reasonOf(error)));
  }

  get readable(): Readable<Connection> {
    return this.#store;
  }

  /** The browser has heard of a network again: waiting ends now, unless the server has asked for it. */
  readonly retry = (): void => {
    this.#pace.hurry();
    this.#options.client.retryImmediately();
  };

  /** The account cannot be put to work. */
  fail(): void {
    this.#store.set({ state: "broken", since: this.#options.now() });
  }

  stop(): void {
    this.#status.stop();
    this.#pace.stop();
  }

  #take(state: SyncState, error: Error | undefined, fromCache: boolean): void {
    if (this.#ended || fromCache) return;
    if (state === SyncState.Prepared || state === SyncState.Syncing || state === SyncState.Catchup) {
      this.#status.start();
      this.#reached();
      return;
    }
    if (state !== SyncState.Error && state !== SyncState.Reconnecting) return;
    const { code } = failureOf(error);
    if (error instanceof MatrixError && (code === "M_USER_LOCKED" || code === "M_UNKNOWN_TOKEN" || code === "M_USER_DEACTIVATED")) return this.#end(reasonOf(error));
    const { now, offline } = this.#options;
    const before = this.#store.get();
    const since = before.state === "offline" ? before.since : now();
    const lost: Connection = { state: "offline", since, retryAt: Math.max(now() + KEEP_ALIVE_MS, this.#pace.heldUntil) };
    // A server that answers, and has said what is wrong with it, is not out of reach.
    this.#store.set(error instanceof MatrixError && error.httpStatus !== undefined ? (this.#told() ?? lost) : lost);
    if (this.#reach !== "none") offline();
    this.#reach = "none";
  }

  #reached(): void {
    if (this.#ended) return;
    const told = this.#told();
    if (told) this.#store.set(told);
    else if (this.#store.get().state !== "online") this.#store.set({ state: "online", since: this.#options.now() });
    if (this.#reach !== "full") this.#options.online();
    this.#reach = "full";
  }

  /** The server is there, and has asked the sync to come back later. */
  #wait(until: number): void {
    if (this.#ended) return;
    const { now, busy } = this.#options;
    if (this.#reach !== "full" && this.#reach !== "busy") {
      this.#reach = "busy";
      busy();
    }
    if (until - now() <= MOMENT_MS) return;
    const before = this.#store.get();
    const since = before.state === "busy" ? before.since : now();
    this.#store.set(this.#told() ?? { state: "busy", since, retryAt: until });
  }

  /** What the server says of itself has changed. That it could be asked does not mean that it can be talked with. */
  #retell(): void {
    const told = this.#told();
    if (this.#reach === "full") this.#reached();
    else if (told && !this.#ended) this.#store.set(told);
  }

  #told(): Connection | undefined {
    const told = this.#status.current;
    return told && { state: told.state, since: told.since, link: told.link };
  }

  #end(reason: NonNullable<typeof this.ended>): void {
    if (this.#ended) return;
    this.#ended = reason;
    this.#options.offline();
    this.#options.client.stopClient();
    this.#store.set({ state: "ended", reason });
  }

  get ended(): Extract<Connection, { state: "ended" }>["reason"] | undefined {
    return this.#ended;
  }
}

/** Client-server API, "Soft logout": the device stays, with its keys; only its tokens have ended. */
function reasonOf({ errcode, data }: MatrixError): Extract<Connection, { state: "ended" }>["reason"] {
  if (errcode === "M_USER_LOCKED") return "locked";
  if (errcode === "M_USER_DEACTIVATED") return "deactivated";
  return (data as { readonly soft_logout?: unknown }).soft_logout === true ? "expired" : "logged-out";
}
