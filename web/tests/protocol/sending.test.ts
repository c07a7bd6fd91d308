import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { Session } from "@/domain/arrival";
import type { Chat, Engine } from "@/domain/engine";
import { isText, meet, messages, online, texts, until, untilMessage, write } from "./engines";
import { TestServer } from "./server";
import "./upload_request";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

/** What the server lets through at once (services/rate_limits.py, "send"). */
const BURST = 100;
const LINES = 15;

let server: TestServer;
let session: Session;
let ali: Engine;
let sara: Engine;
let alisChat: Chat;
let sarasChat: Chat;

beforeAll(async () => {
  server = await TestServer.start("--rate-limits", "on");
  session = await server.register("ali");
  [ali, sara] = [await online(session), await online(await server.register("sara"))];
  [alisChat, sarasChat] = await meet(ali, sara);
});

afterAll(async () => {
  await Promise.all([ali.stop(), sara.stop()]);
  await server.stop();
});

test("faster than the server permits: it says so, and everything arrives once and in order", async () => {
  const lines = Array.from({ length: LINES }, (_, index) => `line ${index}`);
  let slowUntil = 0;
  const end = alisChat.timeline.subscribe(() => {
    for (const message of messages(alisChat)) if (message.slowUntil !== undefined) slowUntil = Math.max(slowUntil, message.slowUntil);
  });
  const burn = (number: number) => fetch(`${server.baseUrl}/_matrix/client/v3/rooms/${encodeURIComponent(alisChat.roomId)}/send/org.zajil.test/burn${number}`, { method: "PUT", headers: { authorization: `Bearer ${session.accessToken}` }, body: "{}" });
  await Promise.all(Array.from({ length: BURST * 2 }, (_, number) => burn(number)));
  for (const line of lines) alisChat.sendText(write(line));
  await untilMessage("the last line", sarasChat, isText(`line ${LINES - 1}`), 60_000);
  end();
  expect(slowUntil).toBeGreaterThan(Date.now() - 60_000);
  expect(texts(sarasChat).slice(-LINES)).toEqual(lines);
  await until("nothing waits any more", alisChat.timeline, () => messages(alisChat).every(({ status, slowUntil: slow }) => status !== "waiting" && status !== "sending" && slow === undefined));
});

test("an upload is taken back, and what was written after it goes out", async () => {
  alisChat.sendFile({ file: new Blob([new Uint8Array(24 * 1024 * 1024)], { type: "application/octet-stream" }), name: "long.bin", kind: "file", hop: 0 });
  const upload = await until("the upload", alisChat.uploads, ([first]) => first);
  alisChat.sendText(write("sooner than the file"));
  expect(await alisChat.cancel(upload.messageId)).toBe(true);
  await until("no upload", alisChat.uploads, (uploads) => uploads.length === 0);
  await untilMessage("the words", sarasChat, isText("sooner than the file"));
  for (const chat of [alisChat, sarasChat]) expect(messages(chat).some(({ body }) => body.kind === "file")).toBe(false);
});

test("what may have reached the server is not taken back in silence", async () => {
  await server.kill();
  await until("Ali offline", ali.connection, ({ state }) => state === "offline", 60_000);
  alisChat.sendText(write("never on its way"));
  const waiting = await untilMessage("the waiting message", alisChat, isText("never on its way"));
  await server.up();
  alisChat.sendText(write("after it"));
  const taken = await alisChat.cancel(waiting.id);
  await untilMessage("the message after it", sarasChat, isText("after it"), 60_000);
  // Whatever the answer was, it is the truth.
  expect(texts(sarasChat).includes("never on its way")).toBe(!taken);
  const held = await untilMessage("held", alisChat, (message) => isText("after it")(message) && message.eventId !== undefined);
  expect(await alisChat.cancel(held.id)).toBe(false);
});
