import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Session } from "@/domain/arrival";

const READY_MS_MAX = 20_000;

/** A homeserver of this very repository, on a free port, with a folder of its own. */
export class TestServer {
  readonly baseUrl: string;
  readonly #port: number;
  readonly #folder = mkdtempSync(join(tmpdir(), "zajil-web-"));
  #process: ChildProcess | undefined;

  private constructor(port: number) {
    this.#port = port;
    this.baseUrl = `http://127.0.0.1:${port}`;
  }

  static async start(): Promise<TestServer> {
    const server = new TestServer(await freePort());
    try {
      await server.up();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  async up(): Promise<void> {
    const zajil = process.env["ZAJIL"] ?? resolve(import.meta.dirname, "../../../.venv/bin/zajil");
    const options = ["serve", "--data", this.#folder, "--server-name", "localhost", "--bind", `127.0.0.1:${this.#port}`, "--registration", "open", "--rate-limits", "off"];
    this.#process = spawn(zajil, options, { stdio: "ignore", detached: true });
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

  async register(name: string, password = "a password nobody guesses"): Promise<Session> {
    const body = { username: name, password, auth: { type: "m.login.dummy" }, initial_device_display_name: "test" };
    return this.#session(await this.#post("/_matrix/client/v3/register", body));
  }

  async login(name: string, password = "a password nobody guesses"): Promise<Session> {
    const body = { type: "m.login.password", identifier: { type: "m.id.user", user: name }, password, initial_device_display_name: "second" };
    return this.#session(await this.#post("/_matrix/client/v3/login", body));
  }

  #session(answer: Readonly<Record<string, string>>): Session {
    return { userId: answer["user_id"]!, deviceId: answer["device_id"]!, accessToken: answer["access_token"]!, baseUrl: this.baseUrl };
  }

  async #post(path: string, body: object): Promise<Readonly<Record<string, string>>> {
    const response = await fetch(this.baseUrl + path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    const answer = (await response.json()) as Record<string, string>;
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
