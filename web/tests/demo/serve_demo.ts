import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { type Served, serveFolder, type Takes } from "./serve_folder.ts";

const POLICY = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' blob:; font-src 'self'; connect-src 'self'; media-src blob:";

/** Builds the page in `root` into a new folder and serves it; the folder goes with the server. */
export async function serveBuilt(root: string, headers: Readonly<Record<string, string>>, takes?: Takes): Promise<Served> {
  const folder = await mkdtemp(join(tmpdir(), "zajil-demo-"));
  await build({ configFile: fileURLToPath(new URL("./vite.config.ts", import.meta.url)), root, logLevel: "error", build: { outDir: folder } });
  const served = await serveFolder(folder, headers, takes);
  return {
    url: served.url,
    close: async () => {
      await served.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** Builds the demo page and serves it under the policy of the product. */
export async function serveDemo(): Promise<Served> {
  return serveBuilt(fileURLToPath(new URL(".", import.meta.url)), { "content-security-policy": POLICY });
}
