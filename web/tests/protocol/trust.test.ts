import { expect, test } from "vitest";
import type { Session } from "@/domain/arrival";
import type { Engine } from "@/domain/engine";
import { eraseEngine } from "@/protocol/start_engine";
import { gather, isText, meet, messages, online, onlineElsewhere, texts, until, untilAnswered, untilBackedUp, untilKeys, untilMessage, untilStep, write } from "./engines";
import { PASSWORD } from "./server";

const gathering = gather();
const { add } = gathering;

async function arrive(name: string): Promise<readonly [Engine, Session]> {
  const session = await gathering.server.register(name);
  const engine = add(await online(session));
  await untilKeys(engine);
  return [engine, session];
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
  const [[noor], [zaid]] = [await arrive("noor"), await arrive("zaid")];
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
  const [[huda], [stranger]] = [await arrive("huda"), await arrive("stranger")];
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
  const [[rami, session], [peer]] = [await arrive("rami"), await arrive("peer")];
  const [ramisChat, peersChat] = await meet(rami, peer);
  peersChat.sendText(write("an old message"));
  await untilMessage("the message", ramisChat, isText("an old message"));
  await untilBackedUp(session, 1);
  const second = add(await onlineElsewhere(await gathering.server.login("rami")));
  await until("recovery asked for", second.keys.state, (state) => state.state === "needs-recovery" && state.canVerifyWithDevice);
  await second.verify("own-devices");
  await (await untilStep(rami, "asking")).accept();
  await (await untilStep(second, "choose")).compareEmoji();
  const [ones, others] = [await untilStep(rami, "emoji"), await untilStep(second, "emoji")];
  expect(ones).toMatchObject({ isOwnDevice: true, deviceId: second.deviceId });
  await Promise.all([ones.confirm(), others.confirm()]);
  await untilStep(second, "done");
  await until("the second device verified", second.keys.state, ({ state }) => state !== "needs-recovery" && state !== "loading");
  await untilMessage("the old message, readable", second.openChat(ramisChat.roomId), isText("an old message"));
  await untilAnswered("both devices verified", () => rami.devices.list(), (listed) => listed.length === 2 && listed.every(({ verified }) => verified));
});

test("without any keys the password makes them", async () => {
  const [first] = await arrive("later");
  await first.stop();
  await eraseEngine(first.userId);
  const lost = add(await online(await gathering.server.login("later")));
  await until("nothing to verify with", lost.keys.state, (state) => state.state === "needs-recovery");
  await lost.keys.reset(PASSWORD);
  await until("new keys", lost.keys.state, ({ state }) => state === "no-recovery");
  expect((await lost.keys.createRecoveryKey()).length).toBeGreaterThan(40);
  await until("ready", lost.keys.state, ({ state }) => state === "ready");
});
