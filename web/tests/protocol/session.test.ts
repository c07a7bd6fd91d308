import { expect, test } from "vitest";
import type { Session } from "@/domain/arrival";
import type { Connection, Engine } from "@/domain/engine";
import { endSession, SessionTokens } from "@/protocol/session_tokens";
import { BROWSER_SERVICES, startEngine } from "@/protocol/start_engine";
import { gather, isText, meet, online, until, untilAnswered, untilMessage, write } from "./engines";
import { PASSWORD } from "./server";

/** The least that the server permits. */
const LIFETIME_S = 30;

const gathering = gather("--access-token-lifetime-s", String(LIFETIME_S));
const { add } = gathering;

/** Keeps a session as the browser's database does. */
class Shelf {
  stored: Session;
  readonly renewed: Session[] = [];

  constructor(session: Session) {
    this.stored = session;
  }

  tokens(session = this.stored): SessionTokens {
    const save = async (renewed: Session) => {
      this.renewed.push(renewed);
      this.stored = renewed;
    };
    return new SessionTokens(session, { now: Date.now, save, load: async () => this.stored });
  }
}

async function onlineWith(tokens: SessionTokens): Promise<Engine> {
  const engine = add(await startEngine(tokens.session, BROWSER_SERVICES, tokens));
  await until(`${engine.userId} online`, engine.connection, ({ state }) => state === "online");
  return engine;
}

function untilEnded(engine: Engine): Promise<Connection> {
  return until(`the end of ${engine.userId}'s session`, engine.connection, (connection) => connection.state === "ended" && connection);
}

async function whoAmI({ baseUrl }: Session, accessToken: string): Promise<number> {
  return (await fetch(`${baseUrl}/_matrix/client/v3/account/whoami`, { headers: { authorization: `Bearer ${accessToken}` } })).status;
}

test("tokens that end are renewed, before and after it; a session without is asked for the password and keeps its keys", async () => {
  const { server } = gathering;
  const { renewAt: _late, ...withoutTime } = await server.register("sara");
  const [alis, saras] = [new Shelf(await server.register("ali")), new Shelf(withoutTime)];
  expect(alis.stored.renewAt! - Date.now()).toBeLessThan(LIFETIME_S * 1_000);
  const [ali, sara] = [await onlineWith(alis.tokens()), await onlineWith(saras.tokens())];
  const [alisChat, sarasChat] = await meet(ali, sara);
  alisChat.sendText(write("before"));
  await untilMessage("the first message", sarasChat, isText("before"));

  const omars = new Shelf(await server.register("omar"));
  const before = await onlineWith(omars.tokens());
  const [chatBefore] = await meet(before, ali);
  chatBefore.sendText(write("what Omar wrote"));
  await untilMessage("sent", chatBefore, (message) => isText("what Omar wrote")(message) && message.status !== "waiting" && message.status !== "sending");
  await before.stop();
  const { refreshToken: _gone, renewAt: _none, ...poor } = omars.stored;
  const omar = add(await startEngine(poor, BROWSER_SERVICES, new SessionTokens(poor, { now: Date.now })));

  await untilAnswered("new tokens for both", async () => [alis.renewed.length, saras.renewed.length], (times) => times.every((each) => each >= 1));
  alisChat.sendText(write("after"));
  sarasChat.sendText(write("after, too"));
  await untilMessage("Ali's message", sarasChat, isText("after"));
  await untilMessage("Sara's message", alisChat, isText("after, too"));
  expect(ali.connection.get().state).toBe("online");

  expect(await untilEnded(omar)).toMatchObject({ reason: "expired" });
  await omar.stop();
  const again = add(await online(await server.login("omar", PASSWORD, poor.deviceId)));
  expect(again.deviceId).toBe(poor.deviceId);
  const chat = again.openChat(chatBefore.roomId);
  await untilMessage("what was there", chat, isText("what Omar wrote"));
  alisChat.sendText(write("unrelated"));
  ali.openChat(chatBefore.roomId).sendText(write("to the old keys"));
  await untilMessage("readable with the keys that were kept", chat, isText("to the old keys"));
});

test("two tabs and a page that ends in the middle of a renewal do not lose the session", async () => {
  const shelf = new Shelf(await gathering.server.register("tabs"));
  const due = { ...shelf.stored, renewAt: 1 };
  // Renewed, but nothing of it reached the disk; what the page had stays good.
  await new SessionTokens(due, { now: Date.now, save: () => Promise.reject(new Error("the page is gone")) }).accessToken();
  const first = shelf.tokens(due);
  const [one, other] = await Promise.all([first.accessToken(), first.accessToken()]);
  expect(one).toBe(other);
  expect(shelf.renewed).toHaveLength(1);
  expect(await whoAmI(due, one)).toBe(200);
  // The old tokens are gone now: a tab that still has them takes what the other one stored.
  expect(await whoAmI(due, due.accessToken)).toBe(401);
  const second = shelf.tokens(due);
  const answer = await second.fetch(`${due.baseUrl}/_matrix/client/v3/account/whoami`, { headers: { authorization: "Bearer old" } });
  expect(answer.status).toBe(200);
  expect(second.session.accessToken).toBe(one);
  await endSession({ ...shelf.stored, renewAt: 1 });
  expect(await whoAmI(due, one)).toBe(401);
});

test("a locked account says so and works again when it is unlocked; a deleted one ends", async () => {
  const { server } = gathering;
  const session = await server.register("layla");
  const layla = add(await online(session));
  server.cli("user", "lock", "layla");
  expect(await untilEnded(layla)).toMatchObject({ reason: "locked" });
  await layla.stop();
  server.cli("user", "lock", "layla", "--undo");
  await untilAnswered("the server knows that layla is unlocked", () => whoAmI(session, session.accessToken), (status) => status === 200);
  const again = add(await online(session));

  const other = await server.login("layla");
  await expect(again.settings.deleteAccount("wrong", true)).rejects.toMatchObject({ code: "wrong_password" });
  await again.settings.deleteAccount(PASSWORD, true);
  expect(await untilEnded(again)).toMatchObject({ reason: "logged-out" });
  expect(await whoAmI(other, other.accessToken)).toBe(401);
  await expect(server.login("layla")).rejects.toThrow("M_USER_DEACTIVATED");
});
