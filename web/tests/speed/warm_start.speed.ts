import { expect, test } from "vitest";
import { gather, texts, until } from "../protocol/engines";
import { leaveManyChats, NEWEST } from "../protocol/many_chats";

const CHATS = 200;
/** The bar of the client is 500 ms to the list on the screen; Node's stand-in for IndexedDB is slower than a browser's. */
const LIST_MS_MAX = 400;
/** The bar of the client is 100 ms to an open chat. */
const OPEN_MS_MAX = 100;

const gathering = gather();

test(`a warm start shows ${CHATS} chats at once, and opens any of them`, async () => {
  const { newest, start } = await leaveManyChats(gathering, CHATS);
  const begun = performance.now();
  const engine = await start();
  const listMs = performance.now() - begun;
  expect(engine.chats.get()).toHaveLength(CHATS);

  const opening = performance.now();
  const chat = engine.openChat(newest);
  await until("the newest message", chat.timeline, () => texts(chat).at(-1) === NEWEST);
  const openMs = performance.now() - opening;
  console.log(`list of ${CHATS} chats ${listMs.toFixed(0)} ms, open chat ${openMs.toFixed(0)} ms`);
  expect(listMs).toBeLessThan(LIST_MS_MAX);
  expect(openMs).toBeLessThan(OPEN_MS_MAX);
});
