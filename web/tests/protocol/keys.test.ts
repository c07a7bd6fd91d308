import { expect, test } from "vitest";
import { eraseEngine, startEngine } from "@/protocol/start_engine";
import { gather, isText, meet, online, onlineElsewhere, until, untilBackedUp, untilKeys, untilMessage, untilStep, write } from "./engines";
import { PASSWORD } from "./server";

const gathering = gather();
const { arrive, add } = gathering;

test("whoever has a recovery key is not asked to make another after a start", async () => {
  const session = await gathering.server.register("nadia");
  const before = add(await online(session));
  await untilKeys(before);
  await before.keys.createRecoveryKey();
  await until("keys ready", before.keys.state, ({ state }) => state === "ready");
  await before.stop();
  const after = add(await startEngine(session));
  const states: string[] = [after.keys.state.get().state];
  after.keys.state.subscribe(() => states.push(after.keys.state.get().state));
  await until("keys known again", after.keys.state, ({ state }) => state === "ready");
  await until("online", after.connection, ({ state }) => state === "online");
  expect(states).not.toContain("no-recovery");
  expect(after.keys.state.get().state).toBe("ready");
});

test("a second device reads the old messages with the recovery key", async () => {
  const session = await gathering.server.register("huda");
  const first = add(await online(session));
  const omar = await arrive("omar");
  await untilKeys(first);
  const recoveryKey = await first.keys.createRecoveryKey();
  expect(recoveryKey.split(" ").length).toBeGreaterThan(10);
  await until("keys ready", first.keys.state, ({ state }) => state === "ready");

  const [hudasChat, omarsChat] = await meet(first, omar);
  hudasChat.sendText(write("an old message"));
  await untilMessage("the message at Omar's", omarsChat, isText("an old message"));
  omarsChat.sendText(write("an old answer"));
  await untilMessage("the answer at Huda's", hudasChat, isText("an old answer"));
  await untilBackedUp(session, 2);
  await first.stop();
  await eraseEngine(session.userId);

  const second = add(await online(await gathering.server.login("huda")));
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

test("a device that restores its keys before the newest is in the backup reads that message once it is there", async () => {
  const session = await gathering.server.register("salma");
  const first = await online(session);
  const yara = await arrive("yara");
  await untilKeys(first);
  const recoveryKey = await first.keys.createRecoveryKey();
  await until("keys ready", first.keys.state, ({ state }) => state === "ready");
  const [salmasChat, yarasChat] = await meet(first, yara);
  yarasChat.sendText(write("just now"));
  await untilMessage("the message at Salma's", salmasChat, isText("just now"));
  // Before it has put the key into the backup.
  await first.stop();

  const second = add(await onlineElsewhere(await gathering.server.login("salma")));
  const chat = second.openChat(salmasChat.roomId);
  await until("recovery asked for", second.keys.state, ({ state }) => state === "needs-recovery");
  await second.keys.restore(recoveryKey);
  await until("the device verified", second.keys.state, ({ state }) => state === "ready");
  await untilMessage("the message, unreadable", chat, ({ body }) => body.kind === "undecryptable");
  add(await online(session));
  await untilMessage("the message, readable", chat, isText("just now"));
});

test("two people compare emoji and are verified", async () => {
  const [noor, zaid] = [await arrive("noor"), await arrive("zaid")];
  await Promise.all([untilKeys(noor), untilKeys(zaid)]);
  const [noorsChat] = await meet(noor, zaid);
  await until("Zaid known at Noor's", noorsChat.summary, ({ peer }) => peer?.trust === "known");

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

test("a code is scanned instead of emoji", async () => {
  const [layla, yusuf] = [await arrive("layla"), await arrive("yusuf")];
  await Promise.all([untilKeys(layla), untilKeys(yusuf)]);
  const [laylasChat] = await meet(layla, yusuf);
  await layla.verify({ userId: yusuf.userId });
  await (await untilStep(yusuf, "asking")).accept();
  const code = await until("the code", layla.verifications, ([first]) => (first?.step.name === "choose" ? first.step.qrCode : undefined));
  await (await untilStep(yusuf, "choose")).scan(code);
  await (await untilStep(layla, "scanned")).confirm();
  await untilStep(layla, "done");
  await untilStep(yusuf, "done");
  await until("Yusuf verified at Layla's", laylasChat.summary, ({ peer }) => peer?.trust === "verified");
});

test("an exported key file opens only with its passphrase, and a session that was ended says so", async () => {
  const rami = await arrive("rami");
  const file = await rami.keys.exportKeys("a passphrase");
  expect(file.startsWith("-----BEGIN MEGOLM SESSION DATA-----")).toBe(true);
  await expect(rami.keys.importKeys(file, "another")).rejects.toMatchObject({ code: "wrong_passphrase" });
  await rami.keys.importKeys(file, "a passphrase");
  const other = await gathering.server.login("rami");
  const body = JSON.stringify({ devices: [rami.deviceId], auth: { type: "m.login.password", identifier: { type: "m.id.user", user: "rami" }, password: PASSWORD } });
  const response = await fetch(`${gathering.server.baseUrl}/_matrix/client/v3/delete_devices`, { method: "POST", headers: { Authorization: `Bearer ${other.accessToken}`, "Content-Type": "application/json" }, body });
  expect(response.status).toBe(200);
  const ended = await until("the end of the session", rami.connection, (connection) => connection.state === "ended" && connection);
  expect(ended).toMatchObject({ reason: "logged-out" });
});
