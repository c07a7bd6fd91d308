/** Writes pictures of every media component into the folder given as argument: vite-node is not needed, Node strips the types. */
import { mkdirSync } from "node:fs";
import { launchChromium } from "../chromium.ts";
import { serveDemo } from "./serve.ts";

const folder = process.argv[2] ?? "screenshots";
mkdirSync(folder, { recursive: true });
const demo = await serveDemo();
const browser = await launchChromium();
try {
  for (const [name, width, height] of [["phone", 360, 740], ["desktop", 1280, 800]] as const) {
    for (const [lang, theme] of [["en", "light"], ["ar", "dark"]] as const) {
      const page = await browser.newPage({ viewport: { width, height } });
      page.on("pageerror", (error) => console.log("page error", error.message));
      for (const show of ["chat", "viewer", "once", "send", "crop", "record", "scan"]) {
        await page.goto(`${demo.url}?lang=${lang}&theme=${theme}&show=${show}`);
        await page.waitForSelector("h1", { timeout: 30_000 });
        if (show === "viewer") await page.locator("main button").first().click();
        if (show === "once") await page.locator("button:has(strong)").click();
        if (show === "scan") await page.locator("video").last().scrollIntoViewIfNeeded();
        await page.waitForTimeout(show === "record" || show === "scan" ? 2_000 : 1_200);
        await page.screenshot({ path: `${folder}/${show}-${name}-${lang}-${theme}.png`, fullPage: show === "chat" });
      }
      await page.close();
    }
  }
} finally {
  await browser.close();
  await demo.close();
}
