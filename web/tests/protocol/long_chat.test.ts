import { expect, test } from "vitest";
import { gather, isText, messages, online, texts, until, untilChat, untilMessage } from "./engines";

const MESSAGES = 500;
const gathering = gather();

test("a chat that is open all day lets go of what stands far above, and has it again when somebody goes there", async () => {
  const session = await gathering.server.register("ali");
  const ali = gathering.add(await online(session));
  const call = async (method: string, path: string, body: object): Promise<{ readonly room_id?: string }> => {
    const answer = await fetch(`${session.baseUrl}/_matrix/client/v3${path}`, { method, headers: { authorization: `Bearer ${session.accessToken}` }, body: JSON.stringify(body) });
    expect(answer.status).toBe(200);
    return (await answer.json()) as { readonly room_id?: string };
  };
  const { room_id: roomId = "" } = await call("POST", "/createRoom", { name: "All day" });
  await untilChat(ali, roomId);
  const chat = ali.openChat(roomId);
  const end = chat.timeline.subscribe(() => undefined);
  for (let number = 0; number < MESSAGES; number += 1) await call("PUT", `/rooms/${encodeURIComponent(roomId)}/send/m.room.message/${number}`, { msgtype: "m.text", body: `line ${number}` });
  await untilMessage("the last line", chat, isText(`line ${MESSAGES - 1}`));
  await until("all lines", chat.timeline, () => messages(chat).length === MESSAGES);

  chat.markRead();
  await until("fewer lines", chat.timeline, () => messages(chat).length < MESSAGES * 0.8);
  expect(texts(chat).at(-1)).toBe(`line ${MESSAGES - 1}`);
  expect(chat.timeline.get()).toMatchObject({ hasBefore: true, hasAfter: false });

  while (!texts(chat).includes("line 0")) await chat.loadBefore();
  expect(texts(chat)).toEqual(Array.from({ length: MESSAGES }, (_, number) => `line ${number}`));
  end();
});
