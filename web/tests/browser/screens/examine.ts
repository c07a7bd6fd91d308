import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import type { Person } from "../person.ts";
import { findOverflow } from "./overflow.ts";
import type { Screen } from "./ways.ts";

/** The narrow one is what is left of a desktop at 400 %; the wide one is a 4K screen. */
export type Device = "phone" | "desktop" | "narrow" | "wide";
type Language = "en" | "ar";
type Scheme = "light" | "dark";

const SIZES = { phone: { width: 360, height: 740 }, desktop: { width: 1280, height: 800 }, narrow: { width: 320, height: 568 }, wide: { width: 3840, height: 2160 } } as const;
/** The language in which one goes about there, so that both are gone about in. */
const HOME: Readonly<Record<Device, Language>> = { phone: "ar", desktop: "en", narrow: "ar", wide: "en" };
const ACT_MS_MAX = 30_000;
const folder = process.env["ZAJIL_LOOK_FOLDER"];
/** Each screen on one device and in two looks, for tests that everybody runs. */
export const isSample = process.env["ZAJIL_LOOK_SAMPLE"] === "yes";
const wanted = new RegExp(process.env["ZAJIL_LOOK_ONLY"] ?? "");
const looks = new RegExp(process.env["ZAJIL_LOOK_LOOKS"] ?? "");
const axe = readFileSync(fileURLToPath(new URL("../../../node_modules/axe-core/axe.min.js", import.meta.url)), "utf-8");

interface Look {
  readonly language: Language;
  readonly scheme: Scheme;
  /** Nothing but colours differs from a look that was held against all rules. */
  readonly onlyColours: boolean;
}

/** All four, so that each differs from the one before in one thing; of a sample those two that have nothing in common. */
function looksOn(device: Device): readonly Look[] {
  const home = HOME[device];
  const other = home === "en" ? "ar" : "en";
  const all: readonly Look[] = [
    { language: home, scheme: "light", onlyColours: false },
    { language: home, scheme: "dark", onlyColours: true },
    { language: other, scheme: "dark", onlyColours: false },
    { language: other, scheme: "light", onlyColours: true },
  ];
  return isSample ? all.filter(({ onlyColours }) => !onlyColours) : all;
}

const found: string[] = [];
const shown = new Set<string>();

function tell(what: string): void {
  found.push(what);
  console.log(what);
}

/** How many screens there were, and what was wrong with them. */
export function sumUp(): { readonly screens: number; readonly found: readonly string[] } {
  return { screens: shown.size, found };
}

export function isWanted({ name }: Pick<Screen, "name">): boolean {
  return wanted.test(name);
}

const tabs = new WeakMap<Person, Page>();

/** Another tab of the same browser, in which a language is chosen: all tabs follow. */
async function chooseLanguage(person: Person, language: Language): Promise<void> {
  const tab = tabs.get(person) ?? await person.context.newPage();
  if (!tabs.has(person)) {
    tabs.set(person, tab);
    await tab.goto(`${person.base}/_matrix/client/versions`);
    // What stands behind another tab is not drawn.
    await person.page.bringToFront();
  }
  await tab.evaluate((to) => localStorage.setItem("zajil.language", to), language);
  await person.page.waitForFunction((to) => document.documentElement.lang.startsWith(to), language);
}

/** The size and the language in which the person goes about from here on. */
export async function takeDevice(person: Person, device: Device): Promise<void> {
  person.language = HOME[device];
  await person.page.setViewportSize(SIZES[device]);
  await person.page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  if (person.page.url() !== "about:blank") await chooseLanguage(person, person.language);
}

/** Until pictures are there and what moves has come to rest, but for what never does. */
async function settle(page: Page): Promise<void> {
  await page.waitForFunction(() => document.fonts.status === "loaded" && [...document.images].every(({ complete }) => complete) && document.getAnimations().every(({ playState, effect }) => playState !== "running" || effect?.getComputedTiming().endTime === Infinity));
  await page.evaluate(() => new Promise((resolve) => { requestAnimationFrame(() => requestAnimationFrame(resolve)); }));
}

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

async function findViolations(page: Page, onlyColours: boolean): Promise<readonly string[]> {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe);
  return await page.evaluate(async (options) => {
    const { axe: engine } = window as unknown as { axe: { run(options: object): Promise<{ violations: readonly Violation[] }> } };
    return (await engine.run(options)).violations.flatMap(({ id, nodes }) => nodes.slice(0, 3).map((node) => `${id}: ${node.html.slice(0, 200)} — ${node.failureSummary.replace(/\s+/g, " ").slice(0, 200)}`));
  }, { resultTypes: ["violations"], ...(onlyColours ? { runOnly: ["color-contrast"] } : {}) });
}

/** The same where less of it fits. */
async function examineNarrow(page: Page, title: string): Promise<void> {
  await page.setViewportSize(SIZES.narrow);
  await settle(page);
  for (const wide of await findOverflow(page)) tell(`${title} at ${SIZES.narrow.width} px: ${wide}`);
  await page.setViewportSize(SIZES.phone);
  await settle(page);
}

/** The screen as it stands, in both languages and both themes. Ends in the language and theme it began with. */
export async function examine(person: Person, name: string, device: Device): Promise<void> {
  shown.add(name);
  const all = looksOn(device);
  for (const { language, scheme, onlyColours } of all) {
    const title = `${name}-${device}-${language}-${scheme}`;
    if (!looks.test(title)) continue;
    await person.page.emulateMedia({ colorScheme: scheme });
    await chooseLanguage(person, language);
    await settle(person.page);
    if (folder !== undefined) await person.page.screenshot({ path: join(folder, `${title}.png`) });
    else for (const violation of await findViolations(person.page, onlyColours)) tell(`${title}: ${violation}`);
    if (folder === undefined && device === "phone" && !onlyColours) await examineNarrow(person.page, title);
  }
  await person.page.emulateMedia({ colorScheme: "light" });
  await chooseLanguage(person, HOME[device]);
}

/** What goes wrong on the way there is told as well, and the next screen has its turn. */
export async function visit(person: Person, screen: Screen, device: Device): Promise<void> {
  if (!isWanted(screen)) return;
  person.page.setDefaultTimeout(ACT_MS_MAX);
  try {
    await screen.show(person);
    await examine(person, screen.name, device);
    await screen.leave?.(person);
  } catch (error) {
    tell(`${screen.name} on a ${device}: ${String(error).slice(0, 400)}`);
    await person.page.screenshot({ path: join(folder ?? tmpdir(), `failed-${screen.name}-${device}.png`) });
    await person.context.setOffline(false);
  }
}
