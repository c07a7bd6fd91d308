import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { type Served, serveFolder } from "./serve_folder.ts";

const POLICY = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' blob:; font-src 'self'; connect-src 'self'; media-src blob:";

/** Builds the page in `root` into a new folder, which is returned. */
export async function buildDemo(root: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "zajil-demo-"));
  await build({ configFile: fileURLToPath(new URL("./vite.config.ts", import.meta.url)), root, logLevel: "error", build: { outDir: folder } });
  return folder;
}

/** Builds the demo page and serves it under the policy of the product. */
export async function serveDemo(): Promise<Served> {
  return serveFolder(await buildDemo(fileURLToPath(new URL(".", import.meta.url))), { "content-security-policy": POLICY });
}
