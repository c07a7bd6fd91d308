import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { afterAll, beforeAll } from "vitest";
import type { Session } from "@/domain/arrival";
import type { Chat, ChatSummary, Engine } from "@/domain/engine";
import type { Message } from "@/domain/message";
import type { Readable } from "@/domain/store";
import type { Verification } from "@/domain/verification";
import { startEngine } from "@/protocol/start_engine";
import { sleep, TestServer } from "./server";

/** Only what never comes is waited for so long: a test must not depend on how fast the machine is. */
export const WAIT_MS_MAX = 120_000;
const ASK_AGAIN_MS = 100;
const SHOWN_MAX = 3_000;

function shorten(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= SHOWN_MAX ? text : `${text.slice(0, SHOWN_MAX / 2)} … ${text.slice(-SHOWN_MAX / 2)}`;
}

/** Waits until `find` gives something for the value, and says what was waited for if it does not. */
export async function until<T, R>(what: string, readable: Readable<T>, find: (value: T) => R | undefined | false | null, waitMs = WAIT_MS_MAX): Promise<R> {
  const now = find(readable.get());
  if (now) return now;
  return new Promise((done, failed) => {
    const timer = setTimeout(() => {
      end();
      failed(new Error(`waited ${waitMs} ms for ${what}; there is ${shorten(readable.get())}`));
    }, waitMs);
    const end = readable.subscribe(() => {
      const found = find(readable.get());
      if (!found) return;
      clearTimeout(timer);
      end();
      done(found);
    });
  });
}

/** The same for what has to be asked for each time. */
export async function untilAnswered<T, R>(what: string, ask: () => Promise<T>, find: (answer: T) => R | undefined | false | null): Promise<R> {
  for (const end = Date.now() + WAIT_MS_MAX; ; await sleep(ASK_AGAIN_MS)) {
    const answer = await ask();
    const found = find(answer);
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited ${WAIT_MS_MAX} ms for ${what}; there is ${shorten(answer)}`);
  }
}

export async function online(session: Session): Promise<Engine> {
  const engine = await startEngine(session);
  await until(`${session.userId} online`, engine.connection, ({ state }) => state === "online");
  return engine;
}

/** On a device of its own: all engines of a test otherwise share one storage, which must not hold two devices of one account. */
export async function onlineElsewhere(session: Session): Promise<Engine> {
  const here = globalThis.indexedDB;
  globalThis.indexedDB = new IDBFactory();
  try {
    return await online(session);
  } finally {
    globalThis.indexedDB = here;
  }
}

export function messages(chat: Chat): readonly Message[] {
  return chat.timeline.get().items.flatMap((item) => (item.type === "message" ? [item.message] : []));
}

export function texts(chat: Chat): readonly string[] {
  return messages(chat).flatMap(({ body }) => (body.kind === "text" ? [body.text] : [`(${body.kind})`]));
}

export function untilMessage(what: string, chat: Chat, matches: (message: Message) => boolean, waitMs?: number): Promise<Message> {
  return until(what, chat.timeline, () => messages(chat).find(matches), waitMs);
}

export function isText(text: string): (message: Message) => boolean {
  return ({ body }) => body.kind === "text" && body.text === text;
}

export function untilChat(engine: Engine, roomId: string, matches: (chat: ChatSummary) => boolean = () => true): Promise<ChatSummary> {
  return until(`chat ${roomId} of ${engine.userId}`, engine.chats, (chats) => chats.find((chat) => chat.roomId === roomId && matches(chat)));
}

export function write(markdown: string): Parameters<Chat["sendText"]>[0] {
  return { markdown, mentions: [], hop: 0 };
}

/** Two people in an encrypted chat that both have joined. */
export async function meet(one: Engine, other: Engine): Promise<readonly [Chat, Chat]> {
  const roomId = await one.startDirectChat(other.userId);
  await untilChat(other, roomId, ({ membership }) => membership === "invite");
  await other.openChat(roomId).accept();
  await untilChat(other, roomId, ({ membership, encrypted }) => membership === "join" && encrypted);
  await untilChat(one, roomId, ({ membersCount, encrypted }) => membersCount === 2 && encrypted);
  return [one.openChat(roomId), other.openChat(roomId)];
}

/** Asked of the server itself: the backup goes on in the background, after a random pause. */
export async function untilBackedUp({ baseUrl, accessToken }: Session, keys: number): Promise<void> {
  const ask = async (): Promise<{ readonly count?: number }> => (await fetch(`${baseUrl}/_matrix/client/v3/room_keys/version`, { headers: { Authorization: `Bearer ${accessToken}` } })).json() as Promise<{ readonly count?: number }>;
  await untilAnswered(`${keys} keys in the backup`, ask, ({ count }) => count !== undefined && count >= keys);
}

/** The keys of a new account are made in the background. */
export async function untilKeys(engine: Engine): Promise<void> {
  await until(`the keys of ${engine.userId}`, engine.keys.state, ({ state }) => state === "no-recovery");
}

export function untilStep(engine: Engine, name: Verification["step"]["name"]): Promise<Verification> {
  return until(`verification step ${name} of ${engine.userId}`, engine.verifications, (all) => all.find(({ step }) => step.name === name));
}

/** What the tests of a file have in common: a homeserver, and whoever came to it. */
export interface Gathering {
  readonly server: TestServer;
  /** A new account. */
  arrive(name: string): Promise<Engine>;
  /** Is stopped after the last test. */
  add(engine: Engine): Engine;
}

/** Two people of a gathering who have met in an encrypted chat. */
export interface Pair {
  readonly session: Session;
  readonly ali: Engine;
  readonly sara: Engine;
  readonly alisChat: Chat;
  readonly sarasChat: Chat;
}

/** To be called outside the tests; `options` as of TestServer.start. Both are there from the first test to the last. */
export function gather(...options: readonly string[]): Gathering {
  let server: TestServer | undefined;
  const engines = new Set<Engine>();
  const add = (engine: Engine): Engine => {
    engines.add(engine);
    return engine;
  };
  beforeAll(async () => {
    server = await TestServer.start(...options);
  });
  afterAll(async () => {
    await Promise.all([...engines].map((engine) => engine.stop()));
    await server?.stop();
  });
  return {
    get server() {
      if (!server) throw new Error("the server is not there yet");
      return server;
    },
    add,
    arrive: async (name) => add(await online(await server!.register(name))),
  };
}

export async function bringTogether({ server, add }: Gathering): Promise<Pair> {
  const session = await server.register("ali");
  const [ali, sara] = [add(await online(session)), add(await online(await server.register("sara")))];
  const [alisChat, sarasChat] = await meet(ali, sara);
  return { session, ali, sara, alisChat, sarasChat };
}
