import { beforeAll, expect, test } from "vitest";
import type { Session } from "@/domain/arrival";
import type { Chat, Engine } from "@/domain/engine";
import type { Message } from "@/domain/message";
import { bringTogether, gather, isText, messages, texts, until, untilMessage, write } from "./engines";
import "./upload_request";

const BURNERS = 20;
const LINES = 15;

const gathering = gather("--rate-limits", "on");
let session: Session;
let ali: Engine;
let alisChat: Chat;
let sarasChat: Chat;

beforeAll(async () => {
  ({ session, ali, alisChat, sarasChat } = await bringTogether(gathering));
});

/**
 * Uses up what the server lets this account send (services/rate_limits.py, "send"), and goes on with it, until the returned function is called.
 * Into a room that does not exist: that is counted just so, and costs the server so little that no machine is too slow for it.
 */
function burn(): () => Promise<unknown> {
  const end = new AbortController();
  const url = `${gathering.server.baseUrl}/_matrix/client/v3/rooms/${encodeURIComponent("!none:localhost")}/send/org.zajil.test/burn`;
  const burner = async (): Promise<void> => {
    while (!end.signal.aborted) await (await fetch(url, { method: "PUT", headers: { authorization: `Bearer ${session.accessToken}` }, body: "{}" })).arrayBuffer();
  };
  const burners = Array.from({ length: BURNERS }, burner);
  return () => {
    end.abort();
    return Promise.all(burners);
  };
}

test("faster than the server permits: it says so, and everything arrives once and in order", async () => {
  const lines: string[] = [];
  const say = (): string => {
    const line = `line ${lines.length}`;
    lines.push(line);
    alisChat.sendText(write(line));
    return line;
  };
  const isUnsent = ({ status }: Message): boolean => status === "waiting" || status === "sending";
  const begun = Date.now();
  const slow: number[] = [];
  const endWatching = alisChat.timeline.subscribe(() => void slow.push(...messages(alisChat).flatMap(({ slowUntil }) => slowUntil ?? [])));
  const endBurning = burn();
  while (slow.length === 0) {
    const line = say();
    await until(`${line} sent, or slowed down`, alisChat.timeline, () => slow.length > 0 || messages(alisChat).some((message) => isText(line)(message) && !isUnsent(message)));
  }
  for (let more = 0; more < LINES; more += 1) say();
  await endBurning();
  endWatching();
  expect(slow[0]).toBeGreaterThan(begun);
  await untilMessage("the last line", sarasChat, isText(lines.at(-1)!));
  expect(texts(sarasChat).slice(-lines.length)).toEqual(lines);
  await until("nothing waits any more", alisChat.timeline, () => messages(alisChat).every((message) => !isUnsent(message) && message.slowUntil === undefined));
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
  const { server } = gathering;
  await server.kill();
  await until("Ali offline", ali.connection, ({ state }) => state === "offline");
  alisChat.sendText(write("never on its way"));
  const waiting = await untilMessage("the waiting message", alisChat, isText("never on its way"));
  await server.up();
  alisChat.sendText(write("after it"));
  const taken = await alisChat.cancel(waiting.id);
  await untilMessage("the message after it", sarasChat, isText("after it"));
  // Whatever the answer was, it is the truth.
  expect(texts(sarasChat).includes("never on its way")).toBe(!taken);
  const held = await untilMessage("held", alisChat, (message) => isText("after it")(message) && message.eventId !== undefined);
  expect(await alisChat.cancel(held.id)).toBe(false);
});
