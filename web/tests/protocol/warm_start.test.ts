import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { Engine } from "@/domain/engine";
import { startEngine } from "@/protocol/start_engine";
import { online, texts, until, write } from "./engines";
import { TestServer } from "./server";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });

const CHATS = 200;
/** The bar of the client is 500 ms to the list on the screen; Node's stand-in for IndexedDB is slower than a browser's. */
const LIST_MS_MAX = 400;
/** The bar of the client is 100 ms to an open chat. */
const OPEN_MS_MAX = 100;

let server: TestServer;
const engines: Engine[] = [];

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(async () => {
  await Promise.all(engines.map((engine) => engine.stop()));
  await server.stop();
});

test(`a warm start shows ${CHATS} chats at once, and opens any of them, without a server`, async () => {
  const session = await server.register("many");
  const first = await online(session);
  const roomIds: string[] = [];
  for (let number = 0; number < CHATS; number += 1) roomIds.push(await first.createGroup({ kind: "group", name: `Group ${number}`, invite: [], access: "private" }));
  await until("all chats", first.chats, (chats) => chats.length === CHATS, 60_000);
  const last = first.openChat(roomIds.at(-1)!);
  for (let number = 0; number < 60; number += 1) last.sendText(write(`message ${number}`));
  await until("all sent", last.timeline, ({ items }) => items.filter((item) => item.type === "message" && item.message.status === "held").length === 60, 60_000);
  await until("the list up to date", first.chats, ([top]) => top?.last?.message.status === "held" && top.last.message.body.kind === "text" && top.last.message.body.text === "message 59");
  await first.stop();
  await server.kill();

  const start = performance.now();
  const second = await startEngine(session);
  const listMs = performance.now() - start;
  engines.push(second);
  expect(second.chats.get()).toHaveLength(CHATS);
  expect(second.chats.get()[0]).toMatchObject({ name: "Group 199", last: { message: { body: { kind: "text", text: "message 59" } } } });

  const opening = performance.now();
  const chat = second.openChat(roomIds.at(-1)!);
  await until("the newest message", chat.timeline, () => texts(chat).at(-1) === "message 59");
  const openMs = performance.now() - opening;
  console.log(`list of ${CHATS} chats ${listMs.toFixed(0)} ms, open chat ${openMs.toFixed(0)} ms`);
  expect(listMs).toBeLessThan(LIST_MS_MAX);
  expect(openMs).toBeLessThan(OPEN_MS_MAX);
});
