import { mkdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gatherCast } from "./cast.ts";
import type { Person, PersonOptions } from "./person.ts";
import { ARRIVALS, type Screen, SCREENS, showLock } from "./screens.ts";
import { runStory, type Stage } from "./story.ts";

/**
 * Goes through every screen. ZAJIL_LOOK=axe holds each against the rules of accessibility, in two of the looks; with a folder
 * in ZAJIL_LOOK_FOLDER pictures of all looks are kept there.
 */
interface Look {
  readonly device: "phone" | "desktop";
  readonly language: "en" | "ar";
  readonly scheme: "light" | "dark";
}

const SIZES = { phone: { width: 360, height: 740 }, desktop: { width: 1280, height: 800 } } as const;
const ACT_MS_MAX = 30_000;
const BACK_MS_MAX = 5_000;
const folder = process.env["ZAJIL_LOOK_FOLDER"];
const wanted = process.env["ZAJIL_LOOK_ONLY"];
const axe = readFileSync(fileURLToPath(new URL("../../node_modules/axe-core/axe.min.js", import.meta.url)), "utf-8");

/** Each language, each theme and each size once where all of them would take too long. */
const SAMPLE: readonly Look[] = [
  { device: "desktop", language: "en", scheme: "dark" },
  { device: "phone", language: "ar", scheme: "light" },
];
const ALL: readonly Look[] = (["phone", "desktop"] as const).flatMap((device) => (["en", "ar"] as const).flatMap((language) => (["light", "dark"] as const).map((scheme) => ({ device, language, scheme }))));

const found: string[] = [];

function tell(what: string): void {
  found.push(what);
  console.log(what);
}

function isWanted({ name }: Screen): boolean {
  return wanted === undefined || new RegExp(wanted).test(name);
}

function nameLook({ device, language, scheme }: Look): string {
  return `${device}-${language}-${scheme}`;
}

/** Until pictures are there and what moves has come to rest, but for what never does. */
async function settle({ page }: Person): Promise<void> {
  await page.waitForFunction(() => document.fonts.status === "loaded" && [...document.images].every(({ complete }) => complete) && document.getAnimations().every(({ playState, effect }) => playState !== "running" || effect?.getComputedTiming().endTime === Infinity));
  await page.evaluate(() => new Promise((resolve) => { requestAnimationFrame(() => requestAnimationFrame(resolve)); }));
}

async function examine(person: Person, name: string, look: Look): Promise<void> {
  await settle(person);
  const title = `${name}-${nameLook(look)}`;
  if (folder !== undefined) {
    await person.page.screenshot({ path: join(folder, `${title}.png`) });
    return;
  }
  await person.page.evaluate(axe);
  const violations = await person.page.evaluate(async () => {
    const { axe: engine } = window as unknown as { axe: { run(): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }> } };
    return (await engine.run()).violations.flatMap(({ id, nodes }) => nodes.slice(0, 3).map((node) => `${id}: ${node.html.slice(0, 200)} — ${node.failureSummary.replace(/\s+/g, " ").slice(0, 200)}`));
  });
  for (const violation of violations) tell(`${title}: ${violation}`);
}

async function visit(person: Person, screen: Screen, look: Look): Promise<void> {
  try {
    person.page.setDefaultTimeout(ACT_MS_MAX);
    await screen.show(person);
    await examine(person, screen.name, look);
  } catch (error) {
    tell(`${screen.name}-${nameLook(look)}: could not be shown: ${String(error).slice(0, 400)}`);
    await person.page.screenshot({ path: join(folder ?? tmpdir(), `failed-${screen.name}-${nameLook(look)}.png`) });
  }
  await screen.leave?.(person);
}

async function putOn(person: Person, look: Look): Promise<void> {
  person.language = look.language;
  await person.page.setViewportSize(SIZES[look.device]);
  await person.page.emulateMedia({ colorScheme: look.scheme, reducedMotion: "reduce" });
  await person.page.evaluate((language) => localStorage.setItem("zajil.language", language), look.language);
}

async function goHome(person: Person): Promise<void> {
  await person.goTo("#/");
  await person.atHome();
  await person.page.locator("[data-room]").first().waitFor();
}

/** By the address, which is quick; by loading the page anew where something is still open. */
async function backToList(person: Person): Promise<void> {
  const open = person.page.locator("[role=dialog], [role=menu], [role=alertdialog], aside");
  await person.page.keyboard.press("Escape");
  await person.page.evaluate(() => { location.hash = "#/"; });
  const list = person.page.locator("[data-room]").first();
  const isBack = await list.waitFor({ timeout: BACK_MS_MAX }).then(() => true, () => false);
  const search = isBack ? await person.page.getByRole("searchbox").first().inputValue().catch(() => "?") : "?";
  if (!isBack || search !== "" || (await open.count()) > 0) await goHome(person);
}

async function visitAll(person: Person, look: Look): Promise<void> {
  await putOn(person, look);
  await goHome(person);
  for (const screen of SCREENS.filter(isWanted)) {
    await backToList(person);
    await visit(person, screen, look);
  }
}

async function visitArrivals(stage: Stage, look: Look): Promise<void> {
  for (const screen of ARRIVALS.filter(isWanted)) {
    const options: PersonOptions = { ...SIZES[look.device], language: look.language, scheme: look.scheme, bypassPolicy: true };
    const person = await stage.newPerson("nobody", options);
    await visit(person, screen, look);
    await person.context.close();
    stage.persons.splice(stage.persons.indexOf(person), 1);
  }
}

/** The lock stays on the device once it is set, so it comes last. */
async function visitLock(person: Person, looks: readonly Look[]): Promise<void> {
  await visit(person, { name: "lock", show: showLock }, looks.at(-1)!);
  for (const look of looks.slice(0, -1)) {
    await putOn(person, look);
    await visit(person, { name: "lock", show: async () => { await person.page.reload(); await person.field("pin").waitFor(); } }, look);
  }
}

await runStory(async (stage) => {
  const looks = (folder === undefined ? SAMPLE : ALL).filter((look) => new RegExp(process.env["ZAJIL_LOOK_LOOKS"] ?? "").test(nameLook(look)));
  if (folder !== undefined) mkdirSync(folder, { recursive: true });
  const { anna, badr, layla } = await gatherCast(stage);
  const recovery = anna.recoveryKey;
  if (recovery === "") throw new Error("there is no recovery key");
  for (const person of [badr, layla]) await person.context.close();
  stage.persons.splice(0, stage.persons.length, anna);
  anna.mayBeOffline = true;
  for (const look of looks) {
    stage.say(`${look.device}, ${look.language}, ${look.scheme}`);
    await visitArrivals(stage, look);
    await visitAll(anna, look);
  }
  if (isWanted({ name: "lock", show: showLock })) await visitLock(anna, looks);
  if (found.length > 0) throw new Error(`${found.length} found:\n${found.join("\n")}`);
});
