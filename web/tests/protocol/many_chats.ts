import type { Engine } from "@/domain/engine";
import { startEngine } from "@/protocol/start_engine";
import { type Gathering, online, until, write } from "./engines";

export const MESSAGES = 60;
export const NEWEST = `message ${MESSAGES - 1}`;

/** An account with many chats, one of them with messages, that was online once; from now on there is no server. */
export async function leaveManyChats({ server, add }: Gathering, count: number, name = "many"): Promise<{ readonly newest: string; start(): Promise<Engine> }> {
  const session = await server.register(name);
  const engine = add(await online(session));
  const roomIds: string[] = [];
  for (let number = 0; number < count; number += 1) roomIds.push(await engine.createGroup({ kind: "group", name: `Group ${number}`, invite: [], access: "private" }));
  await until("all chats", engine.chats, (chats) => chats.length === count);
  const newest = roomIds.at(-1)!;
  const chat = engine.openChat(newest);
  for (let number = 0; number < MESSAGES; number += 1) chat.sendText(write(`message ${number}`));
  await until("all sent", chat.timeline, ({ items }) => items.filter((item) => item.type === "message" && item.message.status === "held").length === MESSAGES);
  await until("the list up to date", engine.chats, ([top]) => top?.last?.message.status === "held" && top.last.message.body.kind === "text" && top.last.message.body.text === NEWEST);
  await engine.stop();
  await server.kill();
  return { newest, start: async () => add(await startEngine(session)) };
}
