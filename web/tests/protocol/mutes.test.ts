import { afterAll, beforeAll, expect, test } from "vitest";
import type { Engine } from "@/domain/engine";
import type { Session } from "@/domain/arrival";
import { isText, meet, messages, online, until, untilChat, untilMessage, write } from "./engines";
import { TestServer } from "./server";

const HOUR_MS = 3_600_000;

let server: TestServer;
let session: Session;
let sara: Engine;
const engines: Engine[] = [];

beforeAll(async () => {
  server = await TestServer.start();
  session = await server.register("ali");
  sara = await online(await server.register("sara"));
  engines.push(sara);
});

afterAll(async () => {
  await Promise.all(engines.map((engine) => engine.stop()));
  await server.stop();
});

async function call<T>(method: string, path: string, content?: object): Promise<T> {
  const headers = { Authorization: `Bearer ${session.accessToken}`, "Content-Type": "application/json" };
  const response = await fetch(`${server.baseUrl}/_matrix/client/v3/${path}`, { method, headers, ...(content ? { body: JSON.stringify(content) } : {}) });
  return (await response.json()) as T;
}

interface SyncAnswer {
  readonly rooms: { readonly join: Readonly<Record<string, { readonly unread_notifications: { readonly notification_count: number } }>> };
}

const unreadOf = async (roomId: string): Promise<number> => (await call<SyncAnswer>("GET", "sync")).rooms.join[roomId]!.unread_notifications.notification_count;
const rulePath = (roomId: string): string => `pushrules/global/override/${encodeURIComponent(roomId)}`;

test("a mute that is over is over at the server too, while no client of the account is open, and the next start clears it away", async () => {
  const ali = await online(session);
  const [alisChat, sarasChat] = await meet(ali, sara);
  const { roomId } = alisChat;
  await alisChat.setListFlags({ mutedUntil: Date.now() + 8 * HOUR_MS });
  await untilChat(ali, roomId, ({ mutedUntil }) => mutedUntil !== undefined);
  await ali.stop();

  sarasChat.sendText(write("while it is mute"));
  await until("sent", sarasChat.timeline, () => messages(sarasChat).find(isText("while it is mute"))?.status === "held");
  expect(await unreadOf(roomId)).toBe(0);

  // Eight hours later: as if the mute had been set so much earlier.
  const over = Date.now() - HOUR_MS;
  const rule = await call<{ readonly conditions: unknown; readonly actions: readonly { readonly set_tweak: string }[] }>("GET", rulePath(roomId));
  expect(rule.actions).toMatchObject([{ set_tweak: "org.zajil.until" }]);
  await call("PUT", rulePath(roomId), { conditions: rule.conditions, actions: [{ set_tweak: "org.zajil.until", value: over }] });
  await call("PUT", `user/${encodeURIComponent(session.userId)}/rooms/${encodeURIComponent(roomId)}/account_data/org.zajil.mute`, { until: over });
  sarasChat.sendText(write("when it is over"));
  await until("sent", sarasChat.timeline, () => messages(sarasChat).find(isText("when it is over"))?.status === "held");
  expect(await unreadOf(roomId)).toBeGreaterThan(0);

  const again = await online(session);
  engines.push(again);
  await untilMessage("the message", again.openChat(roomId), isText("when it is over"));
  await expect.poll(() => call("GET", rulePath(roomId))).toMatchObject({ errcode: "M_NOT_FOUND" });
  await untilChat(again, roomId, ({ mutedUntil }) => mutedUntil === undefined);
});

test("a mute for good has no end, and is lifted by hand", async () => {
  const [ali] = engines.slice(-1);
  const roomId = ali!.chats.get()[0]!.roomId;
  await ali!.openChat(roomId).setListFlags({ mutedUntil: Number.MAX_SAFE_INTEGER });
  await untilChat(ali!, roomId, ({ mutedUntil }) => mutedUntil === Number.MAX_SAFE_INTEGER);
  expect(await call("GET", rulePath(roomId))).toMatchObject({ enabled: true, actions: [] });
  await ali!.openChat(roomId).setListFlags({ mutedUntil: null });
  await untilChat(ali!, roomId, ({ mutedUntil }) => mutedUntil === undefined);
  expect(await call("GET", rulePath(roomId))).toMatchObject({ errcode: "M_NOT_FOUND" });
});
