import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Chat } from "@/domain/engine";
import { hasChromium } from "../chromium";
import { serveDemo } from "../demo/serve_demo";
import { png } from "../domain/media/samples";
import { findViolations, type OpenedPage, Pages } from "../pages";

const ROOM = "!long:demo";

interface Demo {
  openChat(id: string): { readonly calls: readonly { readonly name: string; readonly values: readonly unknown[] }[]; readonly receive: (body: unknown, sender: string, name: string) => void };
}

describe.skipIf(!hasChromium)("stickers in Chromium", () => {
  const pages = new Pages();
  let demo: Awaited<ReturnType<typeof serveDemo>>;

  beforeAll(async () => {
    demo = await serveDemo();
  });

  afterAll(async () => {
    await demo?.close();
  });

  async function openPicker(options: Readonly<Record<string, string>>, size = { width: 1280, height: 800 }): Promise<OpenedPage> {
    const query = new URLSearchParams({ room: ROOM, messages: "30", loaded: "30", ...options });
    const { page, errors } = await pages.open(`${demo.url}?${query}`, { viewport: size, reducedMotion: "reduce" });
    await page.locator("main button[aria-haspopup=dialog]:has(.lucide-smile)").last().click();
    await page.getByRole("tab").nth(1).click();
    await page.locator("[role=tabpanel] button").last().waitFor();
    return { page, errors };
  }

  async function openManager(page: Page): Promise<void> {
    await page.locator("[role=tabpanel] button").last().click();
    await page.locator("[role=dialog] form").first().waitFor();
  }

  /** What was sent, without the file itself. */
  async function sent(page: Page): Promise<readonly { readonly name: string; readonly file: Partial<Parameters<Chat["sendFile"]>[0]> }[]> {
    return page.evaluate((id) => (window as unknown as { demo: Demo }).demo.openChat(id).calls.filter(({ name }) => name.startsWith("send")).map(({ name, values }) => ({ name, file: { ...(values[0] as object), file: undefined as never } })), ROOM);
  }

  for (const lang of ["en", "ar"]) {
    for (const theme of ["light", "dark"]) {
      test(`axe finds nothing: ${lang}, ${theme}`, async () => {
        const none = await openPicker({ lang, theme });
        expect(await findViolations(none.page)).toEqual([]);
        const { page, errors } = await openPicker({ lang, theme, stickers: "30" }, { width: 360, height: 740 });
        expect(await findViolations(page)).toEqual([]);
        await openManager(page);
        expect(await findViolations(page)).toEqual([]);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
        expect(errors).toEqual([]);
      });
    }
  }

  test("a sticker is made from a picture, renamed, sent and removed", async () => {
    const { page, errors } = await openPicker({ lang: "en" });
    await openManager(page);
    const dialog = page.getByRole("dialog");
    await dialog.locator("input[type=file]").setInputFiles({ name: "holiday.png", mimeType: "image/png", buffer: Buffer.from(png(64, 64)) });
    await dialog.locator("form img").waitFor();
    await dialog.getByLabel("Name", { exact: true }).fill("A dove");
    await dialog.getByRole("button", { name: "Add" }).click();
    await dialog.getByRole("listitem").filter({ hasText: "A dove" }).waitFor();
    await dialog.getByRole("button", { name: "Rename A dove" }).click();
    await dialog.getByRole("listitem").getByLabel("Name").fill("Two doves");
    await page.keyboard.press("Enter");
    await dialog.getByRole("listitem").filter({ hasText: "Two doves" }).waitFor();
    await dialog.getByRole("button", { name: "Done" }).click();
    await dialog.waitFor({ state: "detached" });

    // The tab used last is the one that opens.
    await page.locator("main button[aria-haspopup=dialog]:has(.lucide-smile)").last().click();
    await page.getByRole("button", { name: "Sticker: Two doves" }).click();
    await page.getByRole("tab").first().waitFor({ state: "detached" });
    await expect.poll(() => sent(page)).toEqual([{ name: "sendFile", file: { kind: "sticker", name: "Two doves", hop: 0, width: 300, height: 300 } }]);
    await page.getByRole("img", { name: "Sticker: Two doves" }).waitFor();

    await page.locator("main button[aria-haspopup=dialog]:has(.lucide-smile)").last().click();
    await page.getByRole("region", { name: "Sent last" }).getByRole("button", { name: "Sticker: Two doves" }).waitFor();
    await openManager(page);
    await dialog.getByRole("button", { name: "Remove Two doves" }).click();
    await dialog.getByRole("listitem").waitFor({ state: "detached" });
    expect(errors).toEqual([]);
  });

  test("a sticker that came in is kept in one's own pack", async () => {
    const { page, errors } = await openPicker({ lang: "en" });
    await page.keyboard.press("Escape");
    await page.evaluate((id) => (window as unknown as { demo: Demo }).demo.openChat(id).receive({ kind: "sticker", name: "Wave", picture: { source: { mxc: "mxc://demo/wave", mimeType: "image/webp", size: 5 }, width: 200, height: 200 } }, "@p3:demo", "ياسمين"), ROOM);
    await page.getByRole("img", { name: "Sticker: Wave" }).last().click({ button: "right" });
    await page.getByRole("menuitem", { name: "Add to my stickers" }).click();
    await page.getByText("Added to your stickers").first().waitFor();
    await page.locator("main button[aria-haspopup=dialog]:has(.lucide-smile)").last().click();
    await page.getByRole("button", { name: "Sticker: Wave" }).waitFor();
    expect(errors).toEqual([]);
  });

  test("stickers are found by their names in either spelling, and a room's are offered everywhere when wanted", async () => {
    const { page } = await openPicker({ lang: "en", stickers: "30" });
    await page.getByRole("searchbox", { name: "Search stickers" }).fill("قهوه");
    await expect.poll(() => page.locator("[role=tabpanel] section button").count()).toBe(1);
    await page.getByRole("searchbox", { name: "Search stickers" }).fill("nothing like this");
    await page.getByText("No sticker has this name.").waitFor();
    await openManager(page);
    await page.getByLabel("Pack", { exact: true }).selectOption({ index: 1 });
    await page.getByRole("switch", { name: "Offer in all chats" }).click();
    await page.getByRole("switch", { name: "Offer in all chats", checked: true }).waitFor();
  });
});
