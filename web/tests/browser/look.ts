import { mkdirSync, readFileSync } from "node:fs";
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
const ACT_MS_MAX = 8_000;
const SETTLE_MS = 300;
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

async function examine(person: Person, name: string, look: Look): Promise<void> {
  await person.page.waitForTimeout(SETTLE_MS);
  const title = `${name}-${look.device}-${look.language}-${look.scheme}`;
  if (folder !== undefined) {
    await person.page.screenshot({ path: join(folder, `${title}.png`) });
    return;
  }
  await person.page.evaluate(axe);
  const violations = await person.page.evaluate(async () => {
    const { axe: engine } = window as unknown as { axe: { run(): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }> } };
    return (await engine.run()).violations.flatMap(({ id, nodes }) => nodes.slice(0, 3).map((node) => `${id}: ${node.html.slice(0, 200)} — ${node.failureSummary.replace(/\s+/g, " ").slice(0, 200)}`));
  });
  found.push(...violations.map((violation) => `${title}: ${violation}`));
}

async function visit(person: Person, screen: Screen, look: Look): Promise<void> {
  if (wanted !== undefined && !new RegExp(wanted).test(screen.name)) return;
  try {
    person.page.setDefaultTimeout(ACT_MS_MAX);
    await screen.show(person);
    await examine(person, screen.name, look);
  } catch (error) {
    found.push(`${screen.name}-${look.device}-${look.language}-${look.scheme}: could not be shown: ${String(error).slice(0, 400)}`);
  }
  await screen.leave?.(person);
}

async function putOn(person: Person, look: Look): Promise<void> {
  person.language = look.language;
  await person.page.setViewportSize(SIZES[look.device]);
  await person.page.emulateMedia({ colorScheme: look.scheme, reducedMotion: "reduce" });
  await person.page.evaluate((language) => localStorage.setItem("zajil.language", language), look.language);
}

async function visitAll(person: Person, look: Look): Promise<void> {
  await putOn(person, look);
  for (const screen of SCREENS) {
    await person.goTo("#/");
    await person.atHome();
    await person.page.locator("[data-room]").first().waitFor();
    await visit(person, screen, look);
  }
}

async function visitArrivals(stage: Stage, look: Look): Promise<void> {
  for (const screen of ARRIVALS) {
    const options: PersonOptions = { ...SIZES[look.device], language: look.language, scheme: look.scheme, bypassPolicy: true };
    const person = await stage.newPerson("nobody", options);
    await visit(person, screen, look);
    await person.context.close();
    stage.persons.splice(stage.persons.indexOf(person), 1);
  }
}

await runStory(async (stage) => {
  const looks = folder === undefined ? SAMPLE : ALL;
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
  await visit(anna, { name: "lock", show: showLock }, looks.at(-1)!);
  for (const look of looks.slice(0, -1)) {
    await putOn(anna, look);
    await visit(anna, { name: "lock", show: async (person) => { await person.page.reload(); await person.field("pin").waitFor(); } }, look);
  }
  if (found.length > 0) throw new Error(`${found.length} found:\n${found.join("\n")}`);
});
