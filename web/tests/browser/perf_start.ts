import type { Person } from "./person.ts";
import { runStory } from "./story.ts";

const CHATS = 200;
const ROUNDS = 5;
interface Times {
  listAt?: number;
  clickedAt?: number;
  chatAt?: number;
  longTasks: number[];
}

/** Runs in the page from its first moment on: notes when the list is there, and how long a click takes until messages are. */
function watch(): void {
  const times: Times = { longTasks: [] };
  Object.assign(globalThis, { zajilTimes: times });
  const look = () => {
    if (times.listAt === undefined && document.querySelector("[data-room]")) times.listAt = performance.now();
    if (times.clickedAt !== undefined && times.chatAt === undefined && document.querySelector("main [data-key]")) times.chatAt = performance.now();
  };
  new MutationObserver(look).observe(document, { childList: true, subtree: true });
  addEventListener("click", () => { times.clickedAt ??= performance.now(); }, { capture: true });
  new PerformanceObserver((list) => times.longTasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: "longtask" });
}

async function timesOf(person: Person): Promise<Times> {
  return await person.page.evaluate(() => (globalThis as unknown as { zajilTimes: Times }).zajilTimes);
}

async function call(base: string, token: string, method: string, path: string, body: object): Promise<Record<string, string>> {
  const response = await fetch(`${base}/_matrix/client/v3${path}`, { method, headers: { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) }, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Record<string, string>;
}

async function makeChats(base: string): Promise<void> {
  const { access_token: token = "" } = await call(base, "", "POST", "/login", { type: "m.login.password", identifier: { type: "m.id.user", user: "anna" }, password: "four random words here" });
  for (let at = 0; at < CHATS; at += 1) {
    const { room_id: room = "" } = await call(base, token, "POST", "/createRoom", { name: at % 2 ? `Group ${at}` : `مجموعة ${at}`, preset: "private_chat" });
    for (let line = 0; line < 15; line += 1) await call(base, token, "PUT", `/rooms/${encodeURIComponent(room)}/send/m.room.message/${line}`, { msgtype: "m.text", body: `line ${line} of ${at}` });
  }
  await call(base, token, "POST", "/logout", {});
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** A warm start with two hundred chats, opening one, and both without a server. How long it took is told only; `speed.ts` holds it. */
await runStory(async (stage) => {
  const anna = await stage.newPerson("anna");
  await anna.signUp(stage.base + stage.setupLink.slice(stage.setupLink.indexOf("/#")));
  await makeChats(stage.base);
  const search = anna.page.getByRole("searchbox");
  for (const name of ["Group 1", "مجموعة 0"]) {
    await search.fill(name);
    await anna.page.locator("[data-room]").filter({ hasText: name }).first().waitFor();
  }
  await search.fill("");
  // Until all that has come is written down.
  await anna.page.waitForTimeout(4_000);
  await anna.page.addInitScript(watch);

  const lists: number[] = [];
  const chats: number[] = [];
  const tasks: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    await anna.goTo("#/");
    await anna.page.locator("[data-room]").first().waitFor();
    await anna.page.waitForTimeout(1_500);
    await anna.page.locator("[data-room]").nth(round + 1).click();
    await anna.page.locator("main [data-key]").first().waitFor();
    const { listAt = Number.NaN, clickedAt = 0, chatAt = Number.NaN, longTasks } = await timesOf(anna);
    lists.push(listAt);
    chats.push(chatAt - clickedAt);
    tasks.push(Math.max(0, ...longTasks));
  }
  console.log(`warm start with ${CHATS} chats: list after ${median(lists).toFixed(0)} ms (${lists.map((ms) => ms.toFixed(0)).join(", ")}), a chat after ${median(chats).toFixed(0)} ms (${chats.map((ms) => ms.toFixed(0)).join(", ")}), longest task ${median(tasks).toFixed(0)} ms`);

  stage.say("without a server");
  anna.mayBeOffline = true;
  await stage.server("stop");
  await anna.goTo("#/");
  await anna.page.locator("[data-room]").first().waitFor();
  await anna.page.locator("[data-room]").nth(2).click();
  await anna.page.locator("main [data-key]").filter({ hasText: /line 14 of/ }).first().waitFor();
  const { listAt = Number.NaN } = await timesOf(anna);
  console.log(`without a server: list after ${listAt.toFixed(0)} ms`);
});
