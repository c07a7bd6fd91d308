import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import type { Session } from "@/domain/arrival";
import type { Chat, ChatSummary, Engine } from "@/domain/engine";
import type { Message } from "@/domain/message";
import type { Readable } from "@/domain/store";
import { startEngine } from "@/protocol/start_engine";

export const WAIT_MS_MAX = 20_000;

/** Waits until `find` gives something for the value, and says what was waited for if it does not. */
export async function until<T, R>(what: string, readable: Readable<T>, find: (value: T) => R | undefined | false | null, waitMs = WAIT_MS_MAX): Promise<R> {
  const now = find(readable.get());
  if (now) return now;
  return new Promise((done, failed) => {
    const timer = setTimeout(() => {
      end();
      failed(new Error(`waited ${waitMs} ms for ${what}; there is ${JSON.stringify(readable.get()).slice(0, 2_000)}`));
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
export async function untilBackedUp(session: Session, keys: number): Promise<void> {
  for (let waited = 0; waited < 30_000; waited += 250) {
    const response = await fetch(`${session.baseUrl}/_matrix/client/v3/room_keys/version`, { headers: { Authorization: `Bearer ${session.accessToken}` } });
    if (response.ok && ((await response.json()) as { count: number }).count >= keys) return;
    await new Promise((done) => setTimeout(done, 250));
  }
  throw new Error(`the backup did not reach ${keys} keys`);
}
