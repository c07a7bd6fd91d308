import { mkdirSync } from "node:fs";
import { type Cast, gatherCast } from "./cast.ts";
import type { Person } from "./person.ts";
import { SCREENS } from "./screens.ts";
import { ARRIVALS, showLock } from "./screens/arrivals.ts";
import { type Device, examine, isSample, isWanted, sumUp, takeDevice, visit } from "./screens/examine.ts";
import { visitTogether } from "./screens/together.ts";
import { runStory, type Stage } from "./story.ts";

/**
 * Goes through every screen, on a telephone and on a desktop, and looks at each in both languages and both themes: holds it
 * against the rules of accessibility and looks for what is cut at 320 px or, with a folder in ZAJIL_LOOK_FOLDER, keeps pictures
 * there. The language is changed where one is, as another tab of the browser changes it, so that each screen is gone to once.
 */
const DEVICES = (process.env["ZAJIL_LOOK_DEVICES"] ?? "desktop,phone").split(",") as readonly Device[];
const BACK_MS_MAX = 5_000;
const ESCAPES_MAX = 4;
const folder = process.env["ZAJIL_LOOK_FOLDER"];

async function goHome(person: Person): Promise<void> {
  await person.goTo("#/");
  await person.atHome();
  await person.page.locator("[data-room]").first().waitFor();
}

/** As people do, which is quick; by loading the page anew where something is still open. */
async function backToList(person: Person): Promise<void> {
  const open = person.page.locator("[role=dialog], [role=menu], [role=alertdialog], aside");
  for (let pressed = 0; pressed < ESCAPES_MAX && (await open.count()) > 0; pressed += 1) await person.page.keyboard.press("Escape");
  await person.page.evaluate(() => { location.hash = "#/"; });
  const list = person.page.locator("[data-room]").first();
  const isBack = await list.waitFor({ timeout: BACK_MS_MAX }).then(() => true, () => false);
  const search = isBack ? await person.page.getByRole("searchbox").first().inputValue().catch(() => "?") : "?";
  if (!isBack || search !== "" || (await open.count()) > 0) await goHome(person);
}

/** Of so many screens a sample takes one, and none for which others must do something: it is to be quick. */
const SAMPLE_OF = 12;

/** In a sample the devices take turns. */
function isTurnOf(device: Device, at: number): boolean {
  return !isSample || (at % SAMPLE_OF === 0 && DEVICES[(at / SAMPLE_OF) % DEVICES.length] === device);
}

async function visitAll(person: Person, device: Device): Promise<void> {
  for (const screen of SCREENS.filter((each, at) => isWanted(each) && isTurnOf(device, at))) {
    await backToList(person);
    await visit(person, screen, device);
  }
  await backToList(person);
}

async function visitArrivals(stage: Stage, device: Device): Promise<void> {
  if (!ARRIVALS.some(isWanted)) return;
  const person = await stage.newPerson(`newcomer-${device}`, { bypassPolicy: true });
  person.mayBeOffline = true;
  await person.goTo("#/login");
  await takeDevice(person, device);
  for (const [at, screen] of ARRIVALS.entries()) if (isTurnOf(device, at)) await visit(person, screen, device);
  await leave(stage, person);
}

/** From the link to the first, empty list. */
async function visitFirstSteps(stage: Stage, device: Device): Promise<void> {
  if (!isWanted({ name: "first-steps" }) || !isTurnOf(device, SAMPLE_OF)) return;
  const person = await stage.newPerson(`new-${device}`, { bypassPolicy: true });
  await person.goTo(stage.invitationLink());
  await takeDevice(person, device);
  await person.fill("username", person.name);
  await person.fill("password", "four random words here");
  await examine(person, "first-steps-filled", device);
  await person.submit();
  await person.page.locator("[data-recovery-key]").waitFor();
  await examine(person, "first-steps-key", device);
  const download = person.page.waitForEvent("download");
  await person.click(person.page.locator("[data-save-key]"));
  await download;
  await person.atHome();
  await examine(person, "first-steps-list", device);
  await leave(stage, person);
}

async function leave(stage: Stage, person: Person): Promise<void> {
  await person.context.close();
  stage.persons.splice(stage.persons.indexOf(person), 1);
}

async function visitOn(device: Device, stage: Stage, cast: Cast): Promise<void> {
  stage.say(`on a ${device}: arriving`);
  await visitArrivals(stage, device);
  await visitFirstSteps(stage, device);
  stage.say(`on a ${device}: inside`);
  await takeDevice(cast.anna, device);
  await goHome(cast.anna);
  await visitAll(cast.anna, device);
  stage.say(`on a ${device}: with others`);
  if (!isSample) await visitTogether(cast, device);
}

/** The lock stays on the device once it is set, so it comes last. */
async function visitLock(person: Person): Promise<void> {
  for (const [at, device] of DEVICES.entries()) {
    await takeDevice(person, device);
    await visit(person, { name: "lock", show: at === 0 ? showLock : async () => { await person.page.reload(); await person.field("pin").waitFor(); } }, device);
  }
}

await runStory(async (stage) => {
  if (folder !== undefined) mkdirSync(folder, { recursive: true });
  const cast = await gatherCast(stage);
  // Networks that are taken away, and tokens that are made up, are no complaints here.
  for (const person of [cast.anna, cast.badr, cast.layla]) person.mayBeOffline = true;
  for (const device of DEVICES) await visitOn(device, stage, cast);
  await visitLock(cast.anna);
  const { screens, found } = sumUp();
  console.log(`${screens} screens, ${isSample ? "a sample, each on one device and in two looks" : `each on ${DEVICES.length} devices, in two languages and two themes`}`);
  if (found.length > 0) throw new Error(`${found.length} found:\n${found.join("\n")}`);
});
