import { createClient, MemoryStore, Method } from "matrix-js-sdk";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { RETRIES_ALWAYS } from "@/domain/retry_budget";
import { ConnectionWatch } from "@/protocol/connection";

type Answer = (signal: AbortSignal) => Response | Promise<Response>;

const SILENT = { trace: () => undefined, debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined, getChild: () => SILENT };

const taken: Answer = () => Response.json({ next_batch: "s1" });
const reachable: Answer = () => Response.json({ versions: ["v1.11"] });
const failing: Answer = () => Response.json({ errcode: "M_UNKNOWN", error: "failing" }, { status: 502 });
const unknown: Answer = () => Response.json({ errcode: "M_UNRECOGNIZED", error: "unknown" }, { status: 404 });
const lost: Answer = () => Promise.reject(new TypeError("no network"));
const busyFor =
  (ms: number): Answer =>
  () =>
    Response.json({ errcode: "M_LIMIT_EXCEEDED", error: "Too many requests", retry_after_ms: ms }, { status: 429, headers: { "Retry-After": String(Math.ceil(ms / 1_000)) } });
const brokenFor =
  (ms: number): Answer =>
  () =>
    Response.json({ errcode: "M_UNKNOWN", error: "The database does not answer", retry_after_ms: ms }, { status: 503, headers: { "Retry-After": String(Math.ceil(ms / 1_000)) } });
/** A sync that nothing comes of before the client ends it. */
const parked: Answer = (signal) =>
  new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
  });

let end: () => void = () => undefined;

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(0.5); // the SDK's pauses
  vi.stubGlobal("fetch", async () => new Response("", { status: 404 }));
});

afterEach(async () => {
  end();
  await vi.advanceTimersByTimeAsync(60_000);
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** A client at work. Its server answers the syncs one after the other, the last way from then on. */
async function begin(syncs: Answer[], chance = 0, rules: Answer[] = []) {
  const server = { syncs, versions: reachable, others: unknown };
  const asked: { readonly path: string; readonly at: number; readonly timeout: string | null }[] = [];
  const fetchFn = async (input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> => {
    const { pathname, searchParams } = new URL(String(input));
    const path = pathname.replace(/^\/_matrix\/client\/(v3\/)?/, "/");
    asked.push({ path, at: Date.now(), timeout: searchParams.get("timeout") });
    if (path === "/pushrules/") return rules.shift()?.(init.signal!) ?? Response.json({ global: {} });
    if (path.includes("/filter")) return Response.json({ filter_id: "1" });
    if (path === "/versions") return server.versions(init.signal!);
    if (path === "/sync") return (server.syncs.length > 1 ? server.syncs.shift()! : server.syncs[0]!)(init.signal!);
    return server.others(init.signal!);
  };
  const client = createClient({ baseUrl: "https://localhost", userId: "@ali:localhost", accessToken: "token", fetchFn, store: new MemoryStore(), logger: SILENT, disableVoip: true });
  const heard = { online: vi.fn(), busy: vi.fn(), offline: vi.fn() };
  const watch = new ConnectionWatch({ client, now: Date.now, random: () => chance, ...heard });
  end = () => {
    watch.stop();
    client.stopClient();
  };
  await client.startClient({ pollTimeout: 30_000 });
  // What was scripted for the start is over when time first has to pass.
  for (let turn = 0; turn < 100; turn += 1) await vi.advanceTimersByTimeAsync(0);
  const since = Date.now();
  const seen = () => asked.filter(({ path, at }) => at > since && (path === "/sync" || path === "/versions")).map(({ path, at }) => ({ path, at: at - since }));
  return { client, watch, heard, server, since, asked, seen };
}

const state = ({ readable }: ConnectionWatch) => readable.get().state;

test("a sync that is told to come back in 30 s does so, once, and asks nothing before", async () => {
  const { watch, heard, since, asked, seen } = await begin([taken, busyFor(30_000), parked], 0.5);
  expect(asked.filter(({ path }) => path === "/sync")).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(30_000);
  expect(seen()).toEqual([]);
  expect(watch.readable.get()).toEqual({ state: "busy", since, retryAt: since + 30_500 });
  expect(heard.offline).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(seen()).toEqual([{ path: "/sync", at: 30_500 }]);
});

test("the time told is kept when it is longer than a request may take, and when the browser hears of a network", async () => {
  const { watch, seen } = await begin([taken, busyFor(300_000), taken, parked]);
  for (let minute = 0; minute < 5; minute += 1) {
    watch.retry();
    await vi.advanceTimersByTimeAsync(59_999);
  }
  expect(seen()).toEqual([]);
  expect(state(watch)).toBe("busy");
  await vi.advanceTimersByTimeAsync(10);
  expect(seen()).toEqual([
    { path: "/sync", at: 300_000 },
    { path: "/sync", at: 300_000 },
  ]);
  expect(state(watch)).toBe("online");
});

test("a first sync waits as well, and what was written may go out meanwhile", async () => {
  const { watch, heard, seen } = await begin([busyFor(20_000), taken, parked]);
  await vi.advanceTimersByTimeAsync(19_999);
  expect(seen()).toEqual([]);
  expect(state(watch)).toBe("busy");
  expect([heard.busy.mock.calls.length, heard.online.mock.calls.length]).toEqual([1, 0]);
  await vi.advanceTimersByTimeAsync(10);
  expect(seen()).toHaveLength(2);
  expect([heard.busy.mock.calls.length, heard.online.mock.calls.length]).toEqual([1, 1]);
});

test("so does what the SDK asks before it", async () => {
  const { watch, asked, since, seen } = await begin([taken, parked], 0, [busyFor(20_000)]);
  const countRules = () => asked.filter(({ path, at }) => path === "/pushrules/" && at > since).length;
  await vi.advanceTimersByTimeAsync(19_999);
  expect([state(watch), countRules(), seen()]).toEqual(["busy", 0, []]);
  await vi.advanceTimersByTimeAsync(10);
  expect([state(watch), countRules(), seen().map(({ path }) => path)]).toEqual(["online", 1, ["/sync", "/sync"]]);
});

test("the first sync, and the first one after a refusal, do not wait for news", async () => {
  const { watch, asked, heard } = await begin([taken, taken, busyFor(20_000), taken, parked]);
  const timeouts = () => asked.filter(({ path }) => path === "/sync").map(({ timeout }) => timeout);
  expect(timeouts()).toEqual(["0", "30000", "30000"]);
  watch.retry();
  await vi.advanceTimersByTimeAsync(20_001);
  expect(timeouts().slice(3)).toEqual(["0", "30000"]);
  expect([state(watch), heard.offline.mock.calls.length]).toEqual(["online", 0]);
});

test("a server that is broken is not called busy, is not asked before it has said, and gets no messages meanwhile", async () => {
  const { watch, heard, server, seen } = await begin([taken, brokenFor(20_000)]);
  expect([state(watch), heard.offline.mock.calls.length, heard.busy.mock.calls.length]).toEqual(["offline", 1, 0]);
  await vi.advanceTimersByTimeAsync(19_999);
  expect(seen()).toEqual([]);
  server.syncs = [taken, parked];
  await vi.advanceTimersByTimeAsync(10);
  expect(seen().map(({ path }) => path)).toEqual(["/versions", "/sync", "/sync"]);
  expect(state(watch)).toBe("online");
});

test.each([
  ["busy", busyFor(20_000), 0],
  ["broken", brokenFor(20_000), 1],
])("what a server says of itself is told before what is concluded: %s", async (_, answer, suspended) => {
  const said = { state: "outage", since: "2026-02-22T18:00:00Z" };
  vi.stubGlobal("fetch", async () => Response.json(said));
  const { watch, heard, server } = await begin([taken, answer]);
  expect(state(watch)).toBe("outage");
  await vi.advanceTimersByTimeAsync(90_000);
  expect(watch.readable.get()).toEqual({ state: "outage", since: Date.parse(said.since), link: "https://localhost/status" });
  expect(heard.offline.mock.calls.length).toBe(suspended);
  said.state = "operational";
  server.syncs = [taken, parked];
  await vi.advanceTimersByTimeAsync(90_000);
  expect(state(watch)).toBe("online");
  expect(heard.online.mock.calls.length).toBe(1 + suspended);
});

test("a clock that is set back during a pause holds nothing up", async () => {
  const { watch } = await begin([taken, busyFor(20_000), taken, parked]);
  vi.setSystemTime(Date.now() - 3_600_000);
  await vi.advanceTimersByTimeAsync(21_000);
  expect(state(watch)).toBe("online");
});

test("a client that is stopped meanwhile ends its sync at once and asks no more", async () => {
  const { client, seen } = await begin([taken, busyFor(30_000), parked]);
  const { syncApi } = client as unknown as { readonly syncApi: { readonly currentSyncRequest: Promise<unknown> } };
  const ended = expect(syncApi.currentSyncRequest).rejects.toMatchObject({ name: "AbortError" });
  client.stopClient();
  await ended;
  await vi.advanceTimersByTimeAsync(120_000);
  expect(seen()).toEqual([]);
});

test("after failures in a row the pauses grow to a minute, and a network that is there again ends them", async () => {
  const { watch, server, seen, since } = await begin([taken, lost], 1);
  server.versions = lost;
  expect(state(watch)).toBe("offline");
  await vi.advanceTimersByTimeAsync(600_000);
  const times = seen().map(({ at }) => at);
  const pauses = times.slice(1).map((at, index) => at - times[index]!);
  for (const [index, pause] of pauses.entries()) expect(pause).toBeGreaterThanOrEqual(Math.min(60_000, 2_000 * 2 ** index));
  expect(pauses.slice(-3)).toEqual([60_000, 60_000, 60_000]);
  server.versions = reachable;
  server.syncs = [taken, parked];
  const middle = Date.now() - since;
  expect(watch.readable.get()).toMatchObject({ state: "offline", retryAt: since + times.at(-1)! + 60_000 });
  expect(times.at(-1)! + 60_000 - middle).toBeGreaterThan(5_000);
  watch.retry();
  await vi.advanceTimersByTimeAsync(10);
  expect(seen().slice(times.length).map(({ path, at }) => [path, at - middle])).toEqual([
    ["/versions", 0],
    ["/sync", 0],
    ["/sync", 0],
  ]);
  expect(state(watch)).toBe("online");
});

test("a sync that fails on a server that is there is not asked for every few seconds", async () => {
  const { seen } = await begin([taken, failing], 1);
  await vi.advanceTimersByTimeAsync(600_000);
  expect(seen().length).toBeLessThan(40);
});

test("what failed is tried again within the budget only; messages of the queue always are", async () => {
  const { client, server, asked } = await begin([taken, parked]);
  server.others = failing;
  const ask = (path: string) => client.http.authedRequest(Method.Put, path, undefined, { some: "thing" }).catch((error: { readonly httpStatus?: number }) => error.httpStatus);
  const count = (path: string) => asked.filter((each) => each.path === path).length;
  for (let number = 0; number < 40; number += 1) expect(await ask("/keys/upload")).toBe(502);
  expect(count("/keys/upload")).toBe(1 + RETRIES_ALWAYS);
  for (let number = 0; number < 40; number += 1) expect(await ask("/rooms/r/send/m.room.message/1")).toBe(502);
  expect(count("/rooms/r/send/m.room.message/1")).toBe(40);
  server.others = unknown;
  await vi.advanceTimersByTimeAsync(121_000);
  await ask("/keys/upload");
  expect(count("/keys/upload")).toBe(2 + RETRIES_ALWAYS);
});
