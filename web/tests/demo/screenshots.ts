/** `node tests/demo/screenshots.ts FOLDER`: pictures of the demo's screens, phone and desktop, both languages and themes. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { launchChromium } from "../chromium.ts";
import { serveDemo } from "./serve_demo.ts";

const folder = process.argv[2] ?? "screenshots";
const wanted = process.argv[3];
await mkdir(folder, { recursive: true });
const demo = await serveDemo();
const browser = await launchChromium();
try {
  for (const [device, size] of [["phone", { width: 360, height: 740 }], ["desktop", { width: 1280, height: 800 }]] as const) {
    for (const lang of ["en", "ar"]) {
      for (const theme of ["light", "dark"]) {
        for (const [name, room] of [["list", ""], ["chat", "!showcase:demo"], ["long", "!long:demo"]] as const) {
          const title = `${name}-${device}-${lang}-${theme}`;
          if (wanted && !title.includes(wanted)) continue;
          const page = await browser.newPage({ viewport: size, deviceScaleFactor: 1 });
          await page.goto(`${demo.url}?lang=${lang}&theme=${theme}${room ? `&room=${encodeURIComponent(room)}` : ""}`);
          await page.waitForSelector(room ? "[role=listitem]" : "[data-room]", { timeout: 10_000 });
          await page.waitForTimeout(700);
          await page.screenshot({ path: join(folder, `${title}.png`) });
          await page.close();
        }
      }
    }
  }
} finally {
  await browser.close();
  await demo.close();
}
