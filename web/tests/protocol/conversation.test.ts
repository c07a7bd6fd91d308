import { expect, test } from "vitest";
import type { Chat } from "@/domain/engine";
import { engineDatabaseName, openEngineDatabase, Vault } from "@/platform/engine_database";
import { startEngine } from "@/protocol/start_engine";
import { gather, isText, meet, messages, online, texts, until, untilChat, untilMessage, write } from "./engines";

const gathering = gather();
const { arrive, add } = gathering;

test("two people talk, encrypted: ticks, edit, reaction, deletion", async () => {
  const [ali, sara] = [await arrive("ali"), await arrive("sara")];
  const [alisChat, sarasChat] = await meet(ali, sara);

  alisChat.sendText(write("**Hello** Sara"));
  const sent = await untilMessage("the message in the timeline at once", alisChat, isText("Hello Sara"));
  const received = await untilMessage("the message at Sara's", sarasChat, isText("Hello Sara"));
  expect(received.encrypted).toBe(true);
  expect(received.body.kind === "text" && received.body.rich[0]?.type).not.toBe("text");
  await untilMessage("delivered", alisChat, ({ id, status }) => id === sent.id && status === "delivered");
  await untilChat(sara, sarasChat.roomId, ({ unread, last }) => unread === 1 && last?.message.body.kind === "text");

  sarasChat.markRead();
  const read = await untilMessage("read", alisChat, ({ id, status }) => id === sent.id && status === "read");
  expect(read.readBy).toEqual([sara.userId]);
  await untilChat(sara, sarasChat.roomId, ({ unread }) => unread === 0);

  sarasChat.react(received.eventId!, "👍");
  const liked = await untilMessage("the reaction", alisChat, ({ reactions }) => reactions.length === 1);
  expect(liked.reactions[0]).toMatchObject({ key: "👍", senders: [sara.userId] });
  await untilMessage("our own reaction at the server", sarasChat, ({ reactions }) => reactions[0]?.mine?.startsWith("$") === true);
  sarasChat.unreact(received.eventId!, "👍");
  await untilMessage("the reaction gone", alisChat, ({ id, reactions }) => id === sent.id && reactions.length === 0);

  alisChat.edit(read.eventId!, write("Hello, dear Sara"));
  const edited = await untilMessage("the edit", sarasChat, isText("Hello, dear Sara"));
  expect(edited).toMatchObject({ edited: true, eventId: read.eventId });
  expect(texts(sarasChat)).toEqual(["Hello, dear Sara"]);

  sarasChat.sendText({ ...write("Hello Ali"), replyTo: read.eventId! });
  const answer = await untilMessage("the answer", alisChat, isText("Hello Ali"));
  expect(answer.replyTo).toBe(read.eventId);

  alisChat.deleteForEveryone(read.eventId!);
  await untilMessage("the deletion", sarasChat, ({ body }) => body.kind === "deleted");
  expect(messages(sarasChat).map(({ body }) => body.kind)).toEqual(["deleted", "text"]);
  await until("nothing left to send", ali.chats, () => messages(alisChat).every(({ status }) => status !== "waiting" && status !== "sending"));
});

test("a new group lists whom it invited; who comes later sees the others who are only invited, and why earlier messages cannot be read", async () => {
  const [ali, sara, omar] = [await arrive("ali_g"), await arrive("sara_g"), await arrive("omar_g")];
  const roomId = await ali.createGroup({ kind: "group", name: "Trip", invite: [omar.userId], access: "private" });
  const alisChat = ali.openChat(roomId);
  const namesOf = (chat: Chat) => chat.members.get().map(({ userId, membership }) => `${userId} ${membership}`).sort().join();
  await until("everybody in Ali's list", alisChat.members, () => namesOf(alisChat) === `${ali.userId} join,${omar.userId} invite`);
  for (let number = 0; number < 25; number += 1) alisChat.sendText(write(`message ${number}`));
  await until("all held", alisChat.timeline, () => messages(alisChat).filter(({ status }) => status === "held").length === 25);

  await alisChat.invite([sara.userId]);
  await untilChat(sara, roomId, ({ membership }) => membership === "invite");
  const sarasChat = sara.openChat(roomId);
  await sarasChat.accept();
  await until("everybody in Sara's list", sarasChat.members, () => namesOf(sarasChat) === `${ali.userId} join,${omar.userId} invite,${sara.userId} join`);
  await untilMessage("what was sent before", sarasChat, ({ body }) => body.kind === "undecryptable" && body.reason === "before-join");
  alisChat.sendText(write("welcome"));
  await untilMessage("the first message to her", sarasChat, isText("welcome"));
});

test("a copy that says it is new carries the label of what it was copied from, also after a restart", async () => {
  const session = await gathering.server.register("dina");
  const [ali, dina] = [await arrive("ali_f"), add(await online(session))];
  const [alisChat, dinasChat] = await meet(ali, dina);
  const chain = "Warning to all: the messenger will be switched off tonight for everybody who does not send this message to eight people before midnight";
  alisChat.sendText({ ...write(chain), hop: 3 });
  await untilMessage("the forward", dinasChat, (message) => isText(chain)(message) && message.hop === 3);
  alisChat.sendText(write(`Please read!! ${chain}`));
  await untilMessage("the copy with its label", dinasChat, (message) => isText(`Please read!! ${chain}`)(message) && message.hop === 3);
  expect(messages(alisChat).map(({ hop }) => hop)).toEqual([3, 0]);
  await dina.stop();

  const again = add(await startEngine(session));
  const chat = again.openChat(dinasChat.roomId);
  await untilMessage("the label again", chat, (message) => isText(`Please read!! ${chain}`)(message) && message.hop === 3);
});

test("a chat that cannot be read says so, and is shown when it is tried again", async () => {
  const session = await gathering.server.register("rami");
  const rami = add(await online(session));
  const roomId = await rami.createGroup({ kind: "group", name: "Notes", invite: [], access: "private" });
  const chat = rami.openChat(roomId);
  chat.sendText(write("kept"));
  await untilMessage("the message", chat, (message) => isText("kept")(message) && message.status === "held");
  await rami.stop();

  const database = await openEngineDatabase(engineDatabaseName(session.userId));
  const rows = (await database.getAll("history")).filter(({ sealed }) => sealed !== undefined);
  const damaged = rows.at(-1)!;
  const vault = await Vault.open(database);
  await database.put("history", { ...damaged, sealed: await vault.seal(null) });
  const again = add(await startEngine(session));
  const opened = again.openChat(roomId);
  await until("the failure", opened.timeline, ({ failure }) => failure !== undefined);
  await database.put("history", damaged);
  database.close();
  opened.jumpToLive();
  await untilMessage("the message again", opened, isText("kept"));
  expect(opened.timeline.get().failure).toBeUndefined();
});
