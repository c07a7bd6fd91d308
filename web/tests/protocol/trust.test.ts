import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { Engine } from "@/domain/engine";
import type { Verification } from "@/domain/verification";
import { eraseEngine } from "@/protocol/start_engine";
import { isText, meet, messages, online, onlineElsewhere, texts, until, untilBackedUp, untilMessage, write } from "./engines";
import { PASSWORD, TestServer } from "./server";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let server: TestServer;
const engines: Engine[] = [];

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(async () => {
  await Promise.all(engines.map((engine) => engine.stop()));
  await server.stop();
});

async function arrive(name: string): Promise<Engine> {
  const engine = await online(await server.register(name));
  engines.push(engine);
  await until(`${name}'s keys`, engine.keys.state, ({ state }) => state === "no-recovery");
  return engine;
}

function untilStep(engine: Engine, name: Verification["step"]["name"]): Promise<Verification> {
  return until(`verification step ${name} of ${engine.userId}`, engine.verifications, (all) => all.find(({ step }) => step.name === name));
}

async function compareEmoji(one: Engine, other: Engine): Promise<void> {
  await one.verify({ userId: other.userId });
  await (await untilStep(other, "asking")).accept();
  await (await untilStep(one, "choose")).compareEmoji();
  const [ones, others] = [await untilStep(one, "emoji"), await untilStep(other, "emoji")];
  await Promise.all([ones.confirm(), others.confirm()]);
  await untilStep(one, "done");
  await untilStep(other, "done");
}

test("keys begun anew are noticed by those who had verified them, and accepted", async () => {
  const [noor, zaid] = [await arrive("noor"), await arrive("zaid")];
  const [noorsChat, zaidsChat] = await meet(noor, zaid);
  await compareEmoji(noor, zaid);
  await until("Zaid verified at Noor's", noorsChat.summary, ({ peer }) => peer?.trust === "verified");

  await expect(zaid.keys.reset("wrong")).rejects.toMatchObject({ code: "wrong_password" });
  await zaid.keys.reset(PASSWORD);
  zaidsChat.sendText(write("with new keys"));
  await until("the change at Noor's", noorsChat.summary, ({ peer }) => peer?.identityChanged === true && peer.trust !== "verified");
  await noor.acceptIdentity(zaid.userId);
  await until("accepted", noorsChat.summary, ({ peer }) => peer?.trust === "known" && peer.identityChanged !== true);
  noorsChat.sendText(write("welcome back"));
  await untilMessage("Noor's message", zaidsChat, isText("welcome back"));
  await untilMessage("Zaid's message", noorsChat, isText("with new keys"));
});

test("somebody who is blocked is not heard, and heard again after it", async () => {
  const [huda, stranger] = [await arrive("huda"), await arrive("stranger")];
  const [hudasChat, strangersChat] = await meet(huda, stranger);
  strangersChat.sendText(write("before"));
  await untilMessage("the first message", hudasChat, isText("before"));
  await huda.setBlocked(stranger.userId, true);
  await until("the block", huda.blocked, (blocked) => blocked.includes(stranger.userId));
  strangersChat.sendText(write("unheard"));
  await until("sent", strangersChat.timeline, () => messages(strangersChat).find(isText("unheard"))?.status === "held");
  hudasChat.sendText(write("a sign of life"));
  await untilMessage("Huda's message", strangersChat, isText("a sign of life"));
  expect(texts(hudasChat)).not.toContain("unheard");
  await huda.setBlocked(stranger.userId, false);
  await until("the block gone", huda.blocked, (blocked) => blocked.length === 0);
  strangersChat.sendText(write("heard"));
  await untilMessage("the message after it", hudasChat, isText("heard"));
});

test("a second device is verified by the first one and reads the old messages without the recovery key", async () => {
  const session = await server.register("rami");
  const rami = await online(session);
  engines.push(rami);
  await until("Rami's keys", rami.keys.state, ({ state }) => state === "no-recovery");
  const peer = await arrive("peer");
  const [ramisChat, peersChat] = await meet(rami, peer);
  peersChat.sendText(write("an old message"));
  await untilMessage("the message", ramisChat, isText("an old message"));
  await untilBackedUp(session, 1);
  const second = await onlineElsewhere(await server.login("rami"));
  engines.push(second);
  await until("recovery asked for", second.keys.state, (state) => state.state === "needs-recovery" && state.canVerifyWithDevice, 40_000);
  await second.verify("own-devices");
  await (await untilStep(rami, "asking")).accept();
  await (await untilStep(second, "choose")).compareEmoji();
  const [ones, others] = [await untilStep(rami, "emoji"), await untilStep(second, "emoji")];
  expect(ones).toMatchObject({ isOwnDevice: true, deviceId: second.deviceId });
  await Promise.all([ones.confirm(), others.confirm()]);
  await untilStep(second, "done");
  await until("the second device verified", second.keys.state, ({ state }) => state !== "needs-recovery" && state !== "loading");
  await untilMessage("the old message, readable", second.openChat(ramisChat.roomId), isText("an old message"), 40_000);
  const listed = await rami.devices.list();
  expect(listed.every(({ verified }) => verified)).toBe(true);
});

test("without any keys the password makes them", async () => {
  const session = await server.register("later");
  const first = await online(session);
  await until("keys", first.keys.state, ({ state }) => state === "no-recovery");
  await first.stop();
  await eraseEngine(session.userId);
  const lost = await online(await server.login("later"));
  engines.push(lost);
  await until("nothing to verify with", lost.keys.state, (state) => state.state === "needs-recovery");
  await lost.keys.reset(PASSWORD);
  await until("new keys", lost.keys.state, ({ state }) => state === "no-recovery");
  expect((await lost.keys.createRecoveryKey()).length).toBeGreaterThan(40);
  await until("ready", lost.keys.state, ({ state }) => state === "ready");
});
