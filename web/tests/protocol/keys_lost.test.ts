import { afterAll, beforeAll, expect, test } from "vitest";
import type { Engine } from "@/domain/engine";
import type { KeysState } from "@/domain/keys";
import type { Session } from "@/domain/arrival";
import type { Keys } from "@/protocol/keys";
import { isText, meet, online, onlineElsewhere, until, untilBackedUp, untilMessage, write } from "./engines";
import { PASSWORD, TestServer } from "./server";

let server: TestServer;
const engines: Engine[] = [];

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(async () => {
  await Promise.all(engines.map((engine) => engine.stop()));
  await server.stop();
});

function untilState(engine: Engine, wanted: KeysState["state"]): Promise<KeysState> {
  return until(`${engine.userId}'s keys ${wanted}`, engine.keys.state, (keys) => keys.state === wanted && keys);
}

async function kept<T extends Engine | Promise<Engine>>(engine: T): Promise<Engine> {
  engines.push(await engine);
  return await engine;
}

async function call(session: Session, method: string, path: string, body?: object): Promise<Readonly<Record<string, unknown>>> {
  const headers = { Authorization: `Bearer ${session.accessToken}`, "Content-Type": "application/json" };
  const response = await fetch(`${server.baseUrl}/_matrix/client/v3/${path}`, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
  return { ...((await response.json()) as object), status: response.status };
}

/** What a client that broke off in the middle leaves behind: from then on the server asks for the password. */
async function uploadMasterKeyAlone(session: Session): Promise<void> {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign"]) as CryptoKeyPair;
  const key = Buffer.from(await crypto.subtle.exportKey("raw", pair.publicKey)).toString("base64").replace(/=+$/u, "");
  const answer = await call(session, "POST", "keys/device_signing/upload", { master_key: { user_id: session.userId, usage: ["master"], keys: { [`ed25519:${key}`]: key } } });
  expect(answer).toMatchObject({ status: 200 });
}

async function deleteBackup(session: Session): Promise<void> {
  const { version } = await call(session, "GET", "room_keys/version");
  expect(await call(session, "DELETE", `room_keys/version/${String(version)}`)).toMatchObject({ status: 200 });
}

test("where the server wants the password before it takes keys, they are made with it, and only with it", async () => {
  const session = await server.register("huda");
  await uploadMasterKeyAlone(session);
  const before = await online(session);
  await untilState(before, "needs-password");
  // Neither another look nor another start takes the keys that were refused for the account's.
  await (before.keys as Keys).refresh();
  expect(before.keys.state.get().state).toBe("needs-password");
  await before.stop();
  const huda = await kept(online(session));
  await untilState(huda, "needs-password");
  await (huda.keys as Keys).refresh();
  expect(huda.keys.state.get().state).toBe("needs-password");
  await expect(huda.keys.setUp("wrong")).rejects.toMatchObject({ code: "wrong_password" });
  expect(huda.keys.state.get().state).toBe("needs-password");
  await huda.keys.setUp(PASSWORD);
  await untilState(huda, "no-recovery");
  const recoveryKey = await huda.keys.createRecoveryKey();
  await untilState(huda, "ready");
  expect(await call(session, "GET", "room_keys/version")).toMatchObject({ status: 200 });

  const second = await kept(onlineElsewhere(await server.login("huda")));
  await untilState(second, "needs-recovery");
  await second.keys.restore(recoveryKey);
  await untilState(second, "ready");
});

test("a lost recovery key is replaced on a device that still has the keys, and no device is told meanwhile that there is none", async () => {
  const session = await server.register("rami");
  const rami = await kept(online(session));
  await untilState(rami, "no-recovery");
  const lost = await rami.keys.createRecoveryKey();
  await untilState(rami, "ready");
  const tablet = await kept(onlineElsewhere(await server.login("rami")));
  await untilState(tablet, "needs-recovery");
  await tablet.keys.restore(lost);
  await untilState(tablet, "ready");

  const states: string[] = [];
  for (const engine of [rami, tablet]) engine.keys.state.subscribe(() => states.push(engine.keys.state.get().state));
  const found = await rami.keys.createRecoveryKey();
  expect(found).not.toBe(lost);
  await untilState(rami, "ready");
  // What the tablet hears of it comes in pieces, the last of them before this message.
  const chat = rami.openChat(await rami.startDirectChat(rami.userId));
  chat.sendText(write("the new key is there"));
  await until("the note on the tablet", tablet.chats, (chats) => chats.some(({ roomId }) => roomId === chat.roomId));
  await tablet.keys.restore(found);
  expect(states.filter((state) => state !== "ready")).toEqual([]);

  const phone = await kept(onlineElsewhere(await server.login("rami")));
  await untilState(phone, "needs-recovery");
  await expect(phone.keys.restore(lost)).rejects.toMatchObject({ code: "wrong_recovery_key" });
  await phone.keys.restore(found);
  await untilState(phone, "ready");
});

test("a backup that is lost is said, its recovery key still verifies a device, and a new one is made with a new key", async () => {
  const session = await server.register("noor");
  const noor = await online(session);
  const zaid = await kept(online(await server.register("zaid")));
  await untilState(noor, "no-recovery");
  const old = await noor.keys.createRecoveryKey();
  await untilState(noor, "ready");
  const [noorsChat, zaidsChat] = await meet(noor, zaid);
  zaidsChat.sendText(write("an old message"));
  await untilMessage("the message", noorsChat, isText("an old message"));
  await noor.stop();
  await deleteBackup(session);

  const again = await kept(online(session));
  await untilState(again, "no-backup");
  const phoneSession = await server.login("noor");
  const phone = await kept(onlineElsewhere(phoneSession));
  await untilState(phone, "needs-recovery");
  expect(await phone.keys.restore(old)).toMatchObject({ imported: 0 });
  await untilState(phone, "no-backup");

  const made = await again.keys.createRecoveryKey();
  await untilState(again, "ready");
  await untilBackedUp(session, 1);
  await expect(phone.keys.restore(old)).rejects.toMatchObject({ code: "wrong_recovery_key" });
  const { imported } = await phone.keys.restore(made);
  expect(imported).toBeGreaterThan(0);
  await untilState(phone, "ready");
  await untilMessage("the old message on the phone", phone.openChat(noorsChat.roomId), isText("an old message"));
});
