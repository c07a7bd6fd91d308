import type { Cast } from "../cast.ts";
import { CHATS } from "../cast.ts";
import type { Person } from "../person.ts";
import { type Device, examine, isWanted, takeDevice } from "./examine.ts";
import { control, openChat, openInfo, openInfoPage, openSettings, PASSWORD, setHash, waitForDialog } from "./ways.ts";

/** What is seen only while somebody else does something too: a comparison of keys, keys that changed, an invitation. */
export async function visitTogether(cast: Cast, device: Device): Promise<void> {
  if (isWanted({ name: "verify" })) await compareKeys(cast, device);
  if (isWanted({ name: "identity-changed" })) await changeKeys(cast, device);
  if (isWanted({ name: "invite" })) await invite(cast, device);
}

const step = (person: Person, name: string) => person.page.locator(`[data-verification-step="${name}"]`);
const press = (person: Person, what: string) => person.page.locator(`[data-verify="${what}"]`).click();

async function compareKeys({ anna, badr }: Cast, device: Device): Promise<void> {
  await takeDevice(badr, device);
  await openInfo(anna, CHATS.direct);
  await anna.page.locator('[data-person="verify"]').click();
  await step(anna, "asked").waitFor();
  await examine(anna, "verify-asked", device);
  await badr.page.locator("[data-verification-request]").waitFor();
  await examine(badr, "verify-request", device);
  await press(badr, "accept");
  await step(anna, "choose").locator("svg path").first().waitFor();
  await examine(anna, "verify-choose", device);
  await press(anna, "emoji");
  for (const person of [anna, badr]) await step(person, "emoji").waitFor();
  await examine(anna, "verify-emoji", device);
  await press(badr, "mismatch");
  for (const person of [anna, badr]) await step(person, "cancelled").waitFor();
  await examine(anna, "verify-ended", device);
  for (const person of [anna, badr]) await press(person, "close");
}

/** Badr begins anew, and Anna, who knew his keys, is told. */
async function changeKeys({ anna, badr }: Cast, device: Device): Promise<void> {
  await takeDevice(badr, device);
  await control(badr, "button", "settings.reset", await openSettings(badr, "keys")).click();
  const dialog = await waitForDialog(badr);
  await dialog.locator("[name=password]").fill(PASSWORD);
  await control(badr, "button", "settings.reset", dialog).click();
  await dialog.waitFor({ state: "detached" });
  await setHash(badr, "#/");
  await setHash(anna, "#/");
  await openChat(anna, CHATS.direct);
  await anna.page.locator("[data-identity-changed]").first().waitFor();
  await examine(anna, "identity-changed", device);
  await control(anna, "button", "trust.accept_change").click();
  await anna.page.locator("[data-identity-changed]").first().waitFor({ state: "detached" });
}

async function invite({ anna, layla }: Cast, device: Device): Promise<void> {
  await setHash(anna, "#/");
  await openInfoPage(anna, CHATS.community, "links");
  await anna.page.locator('[data-invite="make"]').click();
  const link = await anna.page.locator("[data-link]").first().getAttribute("data-link");
  await takeDevice(layla, device);
  await layla.goTo(link ?? "");
  await layla.page.locator("[data-preview]").waitFor();
  await examine(layla, "invite", device);
}
