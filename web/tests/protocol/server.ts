import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Session } from "@/domain/arrival";
import { readSession } from "@/protocol/session_store";

/** Far more than it takes: the machine may be busy. */
const READY_MS_MAX = 120_000;
const ZAJIL = process.env["ZAJIL"] ?? resolve(import.meta.dirname, "../../../.venv/bin/zajil");

export const PASSWORD = "a password nobody guesses";

/** A homeserver of this very repository, on a free port, with a folder of its own. */
export class TestServer {
  readonly baseUrl: string;
  readonly #port: number;
  readonly #folder = mkdtempSync(join(tmpdir(), "zajil-web-"));
  #process: ChildProcess | undefined;

  readonly #options: readonly string[];

  private constructor(port: number, options: readonly string[]) {
    this.#port = port;
    this.#options = options;
    this.baseUrl = `http://127.0.0.1:${port}`;
  }

  /** `options` as on the command line of `zajil serve`; they come after those that every test has. */
  static async start(...options: readonly string[]): Promise<TestServer> {
    const server = new TestServer(await freePort(), options);
    try {
      await server.up();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  async up(): Promise<void> {
    const basic = { "--data": this.#folder, "--server-name": "localhost", "--bind": `127.0.0.1:${this.#port}`, "--registration": "open", "--rate-limits": "off" };
    const given = Object.fromEntries(this.#options.flatMap((name, index) => (index % 2 === 0 ? [[name, this.#options[index + 1] ?? ""]] : [])));
    this.#process = spawn(ZAJIL, ["serve", ...Object.entries({ ...basic, ...given }).flat()], { stdio: "ignore", detached: true });
    const deadline = Date.now() + READY_MS_MAX;
    while (!(await this.#answers())) {
      if (this.#process.exitCode !== null) throw new Error(`the server ended with ${this.#process.exitCode}`);
      if (Date.now() > deadline) throw new Error(`the server did not answer within ${READY_MS_MAX} ms`);
      await sleep(50);
    }
  }

  /** Ends it in the middle of whatever it does, with all its processes. */
  async kill(): Promise<void> {
    const process_ = this.#process;
    if (process_?.pid === undefined || process_.exitCode !== null) return;
    const ended = new Promise((done) => process_.once("exit", done));
    process.kill(-process_.pid, "SIGKILL");
    await ended;
    this.#process = undefined;
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Runs `zajil …` on this server's data. */
  cli(...command: readonly string[]): string {
    return execFileSync(ZAJIL, [...command, "--data", this.#folder], { encoding: "utf-8", stdio: ["ignore", "pipe", "pipe"] });
  }

  async register(name: string, password = PASSWORD): Promise<Session> {
    const body = { username: name, password, auth: { type: "m.login.dummy" }, initial_device_display_name: "test", refresh_token: true };
    return this.#session(await this.#post("/_matrix/client/v3/register", body));
  }

  /** `deviceId`: logs in on a device that is there already. */
  async login(name: string, password = PASSWORD, deviceId?: string): Promise<Session> {
    const body = { type: "m.login.password", identifier: { type: "m.id.user", user: name }, password, initial_device_display_name: "second", refresh_token: true, ...(deviceId === undefined ? {} : { device_id: deviceId }) };
    return this.#session(await this.#post("/_matrix/client/v3/login", body));
  }

  #session(answer: Readonly<Record<string, unknown>>): Session {
    return readSession(this.baseUrl, answer);
  }

  async #post(path: string, body: object): Promise<Readonly<Record<string, unknown>>> {
    const response = await fetch(this.baseUrl + path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    const answer = (await response.json()) as Record<string, unknown>;
    if (!response.ok) throw new Error(`${path}: ${response.status} ${JSON.stringify(answer)}`);
    return answer;
  }

  async #answers(): Promise<boolean> {
    try {
      return (await fetch(`${this.baseUrl}/_matrix/client/versions`)).ok;
    } catch {
      return false;
    }
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

function freePort(): Promise<number> {
  return new Promise((found, failed) => {
    const probe = createServer();
    probe.once("error", failed);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => (typeof address === "object" && address ? found(address.port) : failed(new Error("no port"))));
    });
  });
}
