import { afterAll, beforeAll, expect, test } from "vitest";
import type { Engine } from "@/domain/engine";
import type { Session } from "@/domain/arrival";
import type { Verification } from "@/domain/verification";
import { isText, meet, online, until, untilMessage, write } from "./engines";
import { TestServer } from "./server";

/** Values of every wrong type for a field. */
const WRONG: readonly unknown[] = [null, true, 0, -1, 2 ** 53 - 1, "", "x".repeat(300), [[]], {}, { from_device: {} }, ["a", 1, null]];
const ATTEMPTS = 3;
const STEPS = ["request", "ready", "start", "accept", "key", "mac", "done", "cancel"] as const;
const FIELDS = ["from_device", "methods", "method", "to", "timestamp", "transaction_id", "key", "mac", "keys", "code", "reason", "commitment", "hash", "secret", "m.relates_to"] as const;

type Content = Readonly<Record<string, unknown>>;

let server: TestServer;
let anna: Engine;
let mallory: Engine;
let session: Session;
const thrown: unknown[] = [];
const note = (reason: unknown): void => void thrown.push(reason);

beforeAll(async () => {
  process.on("unhandledRejection", note);
  process.on("uncaughtException", note);
  server = await TestServer.start();
  session = await server.register("mallory");
  [anna, mallory] = [await online(await server.register("anna")), await online(session)];
});

afterAll(async () => {
  await Promise.all([anna.stop(), mallory.stop()]);
  await server.stop();
  process.off("unhandledRejection", note);
  process.off("uncaughtException", note);
});

async function put(path: string, content: unknown): Promise<string> {
  const headers = { Authorization: `Bearer ${session.accessToken}`, "Content-Type": "application/json" };
  const response = await fetch(`${server.baseUrl}/_matrix/client/v3/${path}/${crypto.randomUUID()}`, { method: "PUT", headers, body: JSON.stringify(content) });
  return String(((await response.json()) as { readonly event_id?: string }).event_id);
}

/** An event in the open into the encrypted chat: the SDK looks at it at once. */
const sendOpen = (roomId: string, type: string, content: Content): Promise<string> => put(`rooms/${encodeURIComponent(roomId)}/send/${type}`, content);
const sendToDevice = (type: string, content: unknown): Promise<string> => put(`sendToDevice/${type}`, { messages: { [anna.userId]: { "*": content } } });

function sound(step: (typeof STEPS)[number]): Content {
  const common = { from_device: session.deviceId, methods: ["m.sas.v1"], timestamp: Date.now() };
  const sas = { method: "m.sas.v1", key_agreement_protocols: ["curve25519-hkdf-sha256"], hashes: ["sha256"], message_authentication_codes: ["hkdf-hmac-sha256.v2"], short_authentication_string: ["emoji"] };
  return step === "request" ? { ...common, msgtype: "m.key.verification.request", body: "verify", to: anna.userId } : { ...common, ...sas, key: "AAAA", mac: { x: "y" }, keys: "AAAA", code: "m.user", reason: "x", commitment: "AAAA" };
}

function withWrong(content: Content): readonly Content[] {
  return FIELDS.flatMap((field) => WRONG.map((value) => ({ ...content, [field]: value })));
}

function untilStep(engine: Engine, name: Verification["step"]["name"]): Promise<Verification> {
  return until(`verification step ${name} of ${engine.userId}`, engine.verifications, (all) => all.find(({ step }) => step.name === name));
}

async function clearAway(engine: Engine): Promise<void> {
  for (const verification of engine.verifications.get()) await verification.cancel().catch(() => undefined);
  for (const verification of engine.verifications.get()) verification.dismiss();
}

test("verification events of every wrong kind throw nothing, and two people can still compare keys", async () => {
  await until("Anna's keys", anna.keys.state, ({ state }) => state === "no-recovery");
  await until("Mallory's keys", mallory.keys.state, ({ state }) => state === "no-recovery");
  const [annasChat, mallorysChat] = await meet(anna, mallory);
  const { roomId } = annasChat;
  const request = await sendOpen(roomId, "m.room.message", sound("request"));
  const relation = { "m.relates_to": { rel_type: "m.reference", event_id: request } };
  for (const step of STEPS) {
    const type = step === "request" ? "m.room.message" : `m.key.verification.${step}`;
    await Promise.all(withWrong({ ...sound(step), ...relation }).map((content) => sendOpen(roomId, type, content)));
    await Promise.all(withWrong({ ...sound(step), transaction_id: "a transaction" }).map((content) => sendToDevice(`m.key.verification.${step}`, content)));
    await Promise.all(WRONG.map((content) => sendToDevice(`m.key.verification.${step}`, content)));
  }
  mallorysChat.sendText(write("still here"));
  await untilMessage("the message after it all", annasChat, isText("still here"));

  // The crypto may still be at the last of it, and ends what is begun beside another one: as people do, they try once more.
  let chosen: Verification | undefined;
  for (let attempt = 0; chosen === undefined && attempt < ATTEMPTS; attempt += 1) {
    await clearAway(anna);
    await clearAway(mallory);
    await anna.verify({ userId: mallory.userId });
    await (await untilStep(mallory, "asking")).accept();
    const begun = await until("an answer", anna.verifications, (all) => all.find(({ step }) => step.name === "choose" || step.name === "cancelled"));
    if (begun.step.name === "choose") chosen = begun;
  }
  await chosen!.compareEmoji();
  const [annas, mallorys] = [await untilStep(anna, "emoji"), await untilStep(mallory, "emoji")];
  await Promise.all([annas.confirm(), mallorys.confirm()]);
  await untilStep(anna, "done");
  expect(thrown.map(String)).toEqual([]);
});
