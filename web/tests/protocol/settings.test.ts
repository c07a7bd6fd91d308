import { createECDH, randomBytes } from "node:crypto";
import { beforeAll, expect, test } from "vitest";
import type { Chat, Engine } from "@/domain/engine";
import type { ExportTexts } from "@/domain/export";
import type { Incoming } from "@/domain/notifications";
import { Problem } from "@/domain/problem";
import { gather, isText, meet, until, untilAnswered, untilKeys, untilMessage, write } from "./engines";
import { PASSWORD } from "./server";

const gathering = gather();
let anna: Engine;
let badr: Engine;
let chat: Chat;
let other: Chat;

beforeAll(async () => {
  [anna, badr] = [await gathering.arrive("anna"), await gathering.arrive("badr")];
  [chat, other] = await meet(anna, badr);
});

async function problemOf(action: Promise<unknown>): Promise<string> {
  try {
    await action;
  } catch (error) {
    if (error instanceof Problem) return error.code;
    throw error;
  }
  return "none";
}

test("a status and a time zone are on the profile, and go again", async () => {
  await anna.own.setAbout({ status: "With the pigeons \u202e", timeZone: "Asia/Riyadh" });
  const known = await anna.own.loadKnown();
  expect(known.profile).toMatchObject({ "org.zajil.status": "With the pigeons", "m.tz": "Asia/Riyadh" });
  await anna.own.setAbout({ status: "", timeZone: "" });
  expect((await anna.own.loadKnown()).profile).not.toHaveProperty("org.zajil.status");
  expect(anna.own.about.get()).toEqual({ status: "", timeZone: "" });
});

test("what the server knows is what it answers", async () => {
  const known = await anna.own.loadKnown();
  expect(known.devices).toEqual([expect.objectContaining({ deviceId: anna.deviceId, current: true })]);
  expect(known.rooms).toEqual([expect.objectContaining({ roomId: chat.roomId, isEncrypted: true, membersCount: 2 })]);
  expect(known.uploadMax).toBeGreaterThan(0);
  expect(known.accountData.map(({ type }) => type)).toContain("m.direct");
});

test("who takes no invitations gets none, and the one who asks is told", async () => {
  await badr.own.privacy.setTakesInvites(false);
  const carol = await gathering.arrive("carol");
  await expect(carol.startDirectChat(badr.userId)).rejects.toBeInstanceOf(Problem);
  await badr.own.privacy.setTakesInvites(true);
  expect(await carol.startDirectChat(badr.userId)).toMatch(/^!/);
});

test("typing is shown to others unless one does not want it", async () => {
  await anna.own.privacy.setShowsTyping(false);
  const seen: (readonly string[])[] = [];
  const end = other.summary.subscribe(() => void seen.push(other.summary.get().typing));
  chat.setTyping(true);
  // What comes after it has come: so would it have.
  await anna.own.setAbout({ status: "awake", timeZone: "" });
  chat.sendText(write("after typing"));
  await untilMessage("the message", other, isText("after typing"));
  end();
  expect(seen.flat()).toEqual([]);
  await anna.own.privacy.setShowsTyping(true);
  chat.setTyping(true);
  await until("anna typing", other.summary, ({ typing }) => typing.length === 1);
});

test("rules are kept at the server: kinds, the master switch, words", async () => {
  const { notifications } = anna.own;
  await until("rules", notifications.rules, ({ kinds }) => kinds.groups);
  await notifications.setKind("groups", false);
  expect(notifications.rules.get().kinds).toMatchObject({ groups: false, direct: true });
  await notifications.setKind("groups", true);
  expect(notifications.rules.get().kinds.groups).toBe(true);
  await notifications.setOn(false);
  expect(notifications.rules.get().isOn).toBe(false);
  await notifications.setOn(true);
  await notifications.addKeyword(" Pigeon ");
  expect(notifications.rules.get().keywords).toEqual(["pigeon"]);
  await notifications.removeKeyword("pigeon");
  expect(notifications.rules.get().keywords).toEqual([]);
  expect(await problemOf(notifications.addKeyword("*"))).toBe("keyword_invalid");
});

test("what comes in is told once, decrypted; one's own words and muted chats are not", async () => {
  const told: Incoming[] = [];
  const end = badr.own.notifications.listen((incoming) => void told.push(incoming));
  chat.sendText(write("the pigeon has landed"));
  await untilMessage("the message", other, isText("the pigeon has landed"));
  await untilAnswered("the notification", async () => told.length, (count) => count === 1);
  expect(told[0]).toMatchObject({ roomId: other.roomId, isDirect: true, senderName: "anna", hasSound: true, message: { body: { kind: "text", text: "the pigeon has landed" } } });
  await other.setListFlags({ mutedUntil: Date.now() + 60_000 });
  await until("muted", other.summary, ({ mutedUntil }) => mutedUntil !== undefined);
  other.sendText(write("mine"));
  chat.sendText(write("quiet"));
  await untilMessage("the quiet one", other, isText("quiet"));
  await other.setListFlags({ mutedUntil: null });
  await until("heard again", other.summary, ({ mutedUntil }) => mutedUntil === undefined);
  chat.sendText(write("loud"));
  await untilAnswered("the next notification", async () => told.length, (count) => count >= 2);
  end();
  expect(told.map(({ message }) => message?.body)).toMatchObject([{ text: "the pigeon has landed" }, { text: "loud" }]);
});

test("a browser is registered at the server's own push gateway, and given up", async () => {
  const key = createECDH("prime256v1").generateKeys();
  const subscription = { endpoint: "https://push.example/abc", publicKey: key.toString("base64url"), auth: randomBytes(16).toString("base64url") };
  expect((await anna.own.notifications.loadKey()).appId).toBe("org.zajil.web");
  await anna.own.notifications.register(subscription, "ar");
  expect((await anna.own.loadKnown()).pushers).toEqual([expect.objectContaining({ appId: "org.zajil.web", place: "push.example" })]);
  await anna.own.notifications.unregister(subscription.publicKey);
  expect((await anna.own.loadKnown()).pushers).toEqual([]);
});

const TEXTS: ExportTexts = { language: "en", isRightToLeft: false, title: "T", intro: "I", incomplete: "", missingFile: "", edited: "edited", describe: ({ kind }) => kind, time: String };

test("an export has what was said, decrypted; a cancelled one ends", async () => {
  chat.sendText(write("take me with you"));
  await untilMessage("the message", other, isText("take me with you"));
  await untilMessage("held", chat, (message) => isText("take me with you")(message) && message.eventId !== undefined);
  const parts: (Uint8Array<ArrayBuffer> | Blob)[] = [];
  const request = { includesMedia: true, includesOlder: true, texts: TEXTS, loadMedia: () => Promise.reject(new Error("none")), write: (part: Uint8Array<ArrayBuffer> | Blob) => void parts.push(part), onProgress: () => undefined };
  const result = await anna.own.export({ ...request, signal: new AbortController().signal });
  expect(result).toMatchObject({ chatsDone: 1, chatsTotal: 1, missingFiles: 0, incompleteChats: 0 });
  const text = await new Blob(parts).text();
  expect(text).toContain('"body":"take me with you"');
  expect(text).toContain("take me with you</div>");
  await expect(anna.own.export({ ...request, signal: AbortSignal.abort() })).rejects.toThrow();
});

test("sizes are measured, and the search is built anew", async () => {
  const use = await anna.own.storage.measure();
  expect(use.messages.count).toBeGreaterThan(2);
  expect(use.messages.bytes).toBeGreaterThan(100);
  await anna.own.storage.rebuildSearch();
  expect((await anna.search("pigeon")).length).toBe(1);
});

test("a recovery key is told from others", async () => {
  await untilKeys(anna);
  expect(await problemOf(anna.own.checkRecoveryKey("x"))).toBe("no_recovery");
  const key = await anna.keys.createRecoveryKey();
  expect(await anna.own.checkRecoveryKey(` ${key} `)).toBe(true);
  expect(await anna.own.checkRecoveryKey("EsTc 5rr1 WRON GkEy 1234 1234 1234 1234 1234 1234 1234 1234")).toBe(false);
});

test("a link for a new device needs the password, and so does a new password, which ends other devices", async () => {
  expect(await problemOf(anna.own.linkDevice("not this one"))).toBe("wrong_password");
  const { token, expiresAt } = await anna.own.linkDevice(PASSWORD);
  expect(token.length).toBeGreaterThan(10);
  expect(expiresAt).toBeGreaterThan(Date.now());
  const { server } = gathering;
  await server.login("anna");
  expect(await anna.devices.list()).toHaveLength(2);
  expect(await problemOf(anna.own.changePassword("not this one", "five other quite random words", true))).toBe("wrong_password");
  expect(await problemOf(anna.own.changePassword(PASSWORD, "short", true))).toBe("passwordWeak");
  await anna.own.changePassword(PASSWORD, "five other quite random words", true);
  expect(await anna.devices.list()).toHaveLength(1);
  await expect(server.login("anna")).rejects.toThrow(/403/);
});
