import assert from "node:assert/strict";
import { countMemory, median, type Memory } from "./meter.ts";
import type { Person } from "./person.ts";
import { runStory, type Stage } from "./story.ts";

/** An hour's use in minutes: messages, edits, reactions, typing and receipts come in as fast as the page takes them, while somebody goes from chat to chat and opens what can be opened. */
const ROUNDS = Number(process.env["ZAJIL_SOAK_ROUNDS"] ?? "60");
/** One every two seconds makes 1,800 in an hour. */
const EVENTS_A_ROUND = 30;
const CHATS = 4;
const WARM_UP_ROUNDS = 10;
const GROWTH_MAX = 1.15;
const PLACES_EVERY_ROUNDS = 3;

class Bot {
  readonly #base: string;
  readonly #token: string;
  #number = 0;

  constructor(base: string, token: string) {
    this.#base = base;
    this.#token = token;
  }

  async call(method: string, path: string, body: object): Promise<Readonly<Record<string, string>>> {
    const answer = await fetch(`${this.#base}/_matrix/client/v3${path}`, { method, headers: { authorization: `Bearer ${this.#token}` }, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as Record<string, string>;
  }

  async send(roomId: string, type: string, content: object): Promise<string> {
    this.#number += 1;
    const { event_id: eventId = "" } = await this.call("PUT", `/rooms/${encodeURIComponent(roomId)}/send/${type}/t${this.#number}`, content);
    return eventId;
  }

  async talk(roomId: string, round: number): Promise<void> {
    for (let number = 0; number < EVENTS_A_ROUND; number += 3) {
      const body = `round ${round}, message ${number}: ${"and so on ".repeat(number % 12)}`;
      const eventId = await this.send(roomId, "m.room.message", { msgtype: "m.text", body });
      await this.send(roomId, "m.reaction", { "m.relates_to": { rel_type: "m.annotation", event_id: eventId, key: "👍" } });
      await this.send(roomId, "m.room.message", { msgtype: "m.text", body: `* ${body}`, "m.new_content": { msgtype: "m.text", body: `${body}.` }, "m.relates_to": { rel_type: "m.replace", event_id: eventId } });
    }
  }
}

async function registerBot(stage: Stage): Promise<Bot> {
  const body = JSON.stringify({ username: "bot", password: "four random words here", auth: { type: "m.login.dummy" } });
  const answer = await fetch(`${stage.base}/_matrix/client/v3/register`, { method: "POST", body });
  return new Bot(stage.base, ((await answer.json()) as { access_token: string }).access_token);
}

/** What people open beside the chat, and close again. */
async function lookAround(person: Person): Promise<void> {
  const { page } = person;
  await page.locator("main [data-key] [dir=auto]").last().click({ button: "right" });
  await page.getByRole("menu").waitFor();
  await page.keyboard.press("Escape");
  await page.locator("main [aria-haspopup=dialog]").last().click();
  await page.getByRole("group", { name: person.text("emoji.title"), exact: true }).waitFor();
  await page.keyboard.press("Escape");
  await page.evaluate(() => { location.hash = "#/settings/appearance"; });
  await page.locator("[data-home]").waitFor({ state: "detached" });
  await page.evaluate(() => { location.hash = "#/"; });
  await person.atHome();
}

/** Heap, nodes and listeners may not be more at the end than after warming up, but for a little. */
function holdSteady(what: keyof Memory, memories: readonly Memory[]): void {
  const values = memories.slice(WARM_UP_ROUNDS).map((memory) => memory[what]);
  const third = Math.floor(values.length / 3);
  const [first, last] = [median(values.slice(0, third)), median(values.slice(-third))];
  console.log(`${what} after warming up ${first.toFixed(1)}, at the end ${last.toFixed(1)}, at most ${Math.max(...values).toFixed(1)}`);
  assert.ok(last <= first * GROWTH_MAX, `${what} grew from ${first} to ${last}`);
}

await runStory(async (stage) => {
  const anna = await stage.newPerson("anna");
  await anna.signUp(`${stage.base}/#/register`);
  const bot = await registerBot(stage);
  const rooms: string[] = [];
  for (let number = 0; number < CHATS; number += 1) {
    const { room_id: roomId = "" } = await bot.call("POST", "/createRoom", { name: `Room ${number}`, invite: ["@anna:localhost"], preset: "private_chat" });
    rooms.push(roomId);
    await anna.openChat(`Room ${number}`);
    await anna.accept();
  }
  const cdp = await anna.context.newCDPSession(anna.page);
  const memories: Memory[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const number = round % CHATS;
    await anna.openChat(`Room ${number}`);
    await bot.call("PUT", `/rooms/${encodeURIComponent(rooms[number]!)}/typing/${encodeURIComponent("@bot:localhost")}`, { typing: round % 2 === 0, timeout: 5_000 });
    await bot.talk(rooms[number]!, round);
    await anna.sees(new RegExp(`round ${round}, message ${EVENTS_A_ROUND - 3}:.*`));
    if (round % 5 === 0) await anna.write(`answer ${round}`);
    await anna.page.mouse.move(800, 400);
    await anna.page.mouse.wheel(0, -4_000);
    await anna.page.waitForTimeout(150);
    await anna.page.mouse.wheel(0, 8_000);
    if (round % PLACES_EVERY_ROUNDS === 0) await lookAround(anna);
    memories.push(await countMemory(cdp));
    if (round % 10 === 9) stage.say(`round ${round + 1}: ${JSON.stringify(memories.at(-1))}`);
  }
  holdSteady("heapMib", memories);
  holdSteady("nodes", memories);
  holdSteady("listeners", memories);
});
