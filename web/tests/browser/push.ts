import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Page } from "playwright-core";
import { CHROMIUM, CHROMIUM_FLAGS } from "../chromium.ts";
import { runStory } from "./story.ts";

/** What a push service would do, without one; no page is open meanwhile. */
async function deliverPush(page: Page, base: string, content: object): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const registered = new Promise<string>((found) => {
    session.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => {
      const own = registrations.find(({ scopeURL, isDeleted }) => scopeURL.startsWith(base) && !isDeleted);
      if (own !== undefined) found(own.registrationId);
    });
  });
  await session.send("ServiceWorker.enable");
  const registrationId = await registered;
  await page.goto("about:blank");
  await session.send("ServiceWorker.deliverPushMessage", { origin: base, registrationId, data: JSON.stringify(content) });
  await page.goto(base);
}

/** What is shown under the tag, as soon as something is. */
async function waitForNotification(page: Page, tag: string): Promise<unknown> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const found = await page.evaluate(async (wanted) => {
      const [shown] = await (await navigator.serviceWorker.ready).getNotifications({ tag: wanted });
      return shown === undefined ? null : { title: shown.title, body: shown.body, hash: (shown.data as { hash: string }).hash };
    }, tag);
    if (found !== null || Date.now() > deadline) return found;
    await page.waitForTimeout(200);
  }
}

/** A push wakes the service worker: it says that something came, not what. */
await runStory(async (stage) => {
  const dana = await stage.newPerson("dana");
  await dana.signUp(stage.invitationLink());
  const folder = await mkdtemp(join(tmpdir(), "zajil-profile-"));
  // Browsers allow no notifications in profiles that are thrown away, as those of the other persons are.
  const context = await chromium.launchPersistentContext(folder, { executablePath: CHROMIUM, args: CHROMIUM_FLAGS, permissions: ["notifications"], locale: "en-GB" });
  try {
    const page = await context.newPage();
    await page.goto(`${stage.base}/#/login`);
    await page.locator("[name=username]").fill("dana");
    await page.locator("[name=password]").fill("four random words here");
    await page.locator("button[type=submit]").first().click();
    await page.locator("[name=recovery-key]").fill(dana.recoveryKey);
    await page.locator("button[type=submit]").first().click();
    await page.locator("[data-home]").waitFor();
    await page.evaluate(() => { location.hash = "#/settings/notifications"; });
    const notify = page.getByRole("switch", { name: "Show notifications" });
    await notify.click();
    await notify.and(page.locator("[aria-checked=true]")).waitFor();
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    await deliverPush(page, stage.base, { room_id: "!somewhere:localhost", event_id: "$e", unread: 3 });
    assert.deepEqual(await waitForNotification(page, "!somewhere:localhost"), { title: "Zajil", body: "New message", hash: "#/room/!somewhere%3Alocalhost" });
  } finally {
    await context.close();
    await rm(folder, { recursive: true, force: true });
  }
});
