import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { Engine } from "@/domain/engine";
import type { Verification } from "@/domain/verification";
import { eraseEngine } from "@/protocol/start_engine";
import { isText, meet, online, until, untilMessage, write } from "./engines";
import { TestServer } from "./server";

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
  return engine;
}

function untilStep(engine: Engine, name: Verification["step"]["name"]): Promise<Verification> {
  return until(`verification step ${name} of ${engine.userId}`, engine.verifications, (all) => all.find(({ step }) => step.name === name));
}

test("a second device reads the old messages with the recovery key", async () => {
  const session = await server.register("huda");
  const first = await online(session);
  const omar = await arrive("omar");
  await until("keys made in the background", first.keys.state, ({ state }) => state === "no-recovery");
  const recoveryKey = await first.keys.createRecoveryKey();
  expect(recoveryKey.split(" ").length).toBeGreaterThan(10);
  await until("keys ready", first.keys.state, ({ state }) => state === "ready");

  const [hudasChat, omarsChat] = await meet(first, omar);
  hudasChat.sendText(write("an old message"));
  await untilMessage("the message at Omar's", omarsChat, isText("an old message"));
  omarsChat.sendText(write("an old answer"));
  await untilMessage("the answer at Huda's", hudasChat, isText("an old answer"));
  await until("all keys in the backup", first.keys.backup, ({ uploadsLeft }) => uploadsLeft === 0);
  await new Promise((done) => setTimeout(done, 12_000));
  await first.stop();
  await eraseEngine(session.userId);

  const second = await online(await server.login("huda"));
  engines.push(second);
  const chat = second.openChat(hudasChat.roomId);
  await untilMessage("the old message, unreadable", chat, ({ body }) => body.kind === "undecryptable");
  await until("recovery asked for", second.keys.state, ({ state }) => state === "needs-recovery");
  await expect(second.keys.restore("EsTx wrong key")).rejects.toMatchObject({ code: "wrong_recovery_key" });
  const { imported } = await second.keys.restore(recoveryKey);
  expect(imported).toBeGreaterThan(0);
  await untilMessage("the old message, readable", chat, isText("an old message"));
  await untilMessage("the old answer, readable", chat, isText("an old answer"));
  await until("the device verified", second.keys.state, ({ state }) => state === "ready");
});

test("two people compare emoji and are verified", async () => {
  const [noor, zaid] = [await arrive("noor"), await arrive("zaid")];
  await until("Noor's keys", noor.keys.state, ({ state }) => state === "no-recovery");
  await until("Zaid's keys", zaid.keys.state, ({ state }) => state === "no-recovery");
  const [noorsChat] = await meet(noor, zaid);
  expect(noorsChat.summary.get().peer?.trust).toBe("known");

  await noor.verify({ userId: zaid.userId });
  await (await untilStep(zaid, "asking")).accept();
  await (await untilStep(noor, "choose")).compareEmoji();
  const [noors, zaids] = [await untilStep(noor, "emoji"), await untilStep(zaid, "emoji")];
  if (noors.step.name !== "emoji" || zaids.step.name !== "emoji") throw new Error("no emoji");
  expect(noors.step.emoji).toHaveLength(7);
  expect(zaids.step.emoji).toEqual(noors.step.emoji);
  await Promise.all([noors.confirm(), zaids.confirm()]);
  await untilStep(noor, "done");
  await untilStep(zaid, "done");
  await until("Zaid verified at Noor's", noorsChat.summary, ({ peer }) => peer?.trust === "verified");
});
