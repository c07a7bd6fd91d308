import { expect, test } from "vitest";
import { Store } from "@/domain/store";
import type { Account } from "@/protocol/account";
import { ChatList } from "@/protocol/chat_list";
import { parseSavedChats } from "@/protocol/warm_list";

const chat = (roomId: string, expiresAt?: number) => ({ roomId, typing: ["Sara"], last: { sentAt: 1, message: { id: "m", ...(expiresAt === undefined ? {} : { expiresAt }) } } });

test("what has disappeared since the list was saved does not come back with it", () => {
  const chats = parseSavedChats([chat("!gone", 1_000), chat("!stays", 1_001), chat("!ever")], 1_000);
  expect(chats.map(({ roomId, last }) => [roomId, last !== undefined])).toEqual([["!gone", false], ["!stays", true], ["!ever", true]]);
});

test("nobody types any more, and what is no list is none", () => {
  expect(parseSavedChats([chat("!a")], 0)[0]?.typing).toEqual([]);
  expect(parseSavedChats({ roomId: "!a" }, 0)).toEqual([]);
  expect(parseSavedChats(undefined, 0)).toEqual([]);
});

test("a chat that the cache of the last sync does not know yet stays in the list until the server has been asked", async () => {
  const account = {
    client: { getRooms: () => [], getRoom: () => null, getAccountData: () => undefined },
    archive: { before: async () => [] },
    values: { load: async () => [{ roomId: "!new", typing: [] }], save: () => undefined },
    queue: { items: new Store([]) },
    now: () => 0,
  } as unknown as Account;
  const list = new ChatList(account, { contextOf: () => ({ isVisible: () => true }) as never, drafts: () => new Map() });
  const shown = async () => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    return list.chats.get().map(({ roomId }) => roomId);
  };
  await list.loadSnapshot();
  list.begin();
  list.refreshParents();
  expect(await shown()).toEqual(["!new"]);
  list.complete();
  expect(await shown()).toEqual([]);
});
