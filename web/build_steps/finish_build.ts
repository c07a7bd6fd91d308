import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { build, type Plugin } from "vite";
import { checkBudgets } from "./budgets.ts";

const COMPRESSIBLE = /\.(js|css|html|json|webmanifest|svg|wasm|txt)$/;
/** Below this a compressed file saves nothing. */
const COMPRESSED_BYTES_MIN = 512;

function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf-8" }).filter((name) => statSync(join(folder, name)).isFile());
}

/** The files beside each other: `x`, `x.br`, `x.gz`; the server picks by Accept-Encoding and never compresses itself. */
async function compress(folder: string): Promise<void> {
  const names = listFiles(folder).filter((each) => COMPRESSIBLE.test(each));
  await Promise.all(
    names.map(async (name) => {
      const bytes = readFileSync(join(folder, name));
      if (bytes.length < COMPRESSED_BYTES_MIN) return;
      // 11 takes 20 s for the WASM alone and saves 3 %.
      const quality = name.endsWith(".wasm") ? 9 : 11;
      const params = { [constants.BROTLI_PARAM_QUALITY]: quality, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
      const [brotli, gzipped] = await Promise.all([promisify(brotliCompress)(bytes, { params }), promisify(gzip)(bytes, { level: 9 })]);
      writeFileSync(join(folder, `${name}.br`), brotli);
      writeFileSync(join(folder, `${name}.gz`), gzipped);
    }),
  );
}

/** The service worker is one classic script of its own that knows the names of all files. */
async function buildServiceWorker(web: string, folder: string): Promise<void> {
  const files = listFiles(folder)
    .filter((name) => name.startsWith("_zajil/"))
    .map((name) => `/${name}`)
    .sort();
  await build({
    configFile: false,
    root: web,
    logLevel: "warn",
    publicDir: false,
    define: { __BUILT_FILES__: JSON.stringify(files) },
    resolve: { alias: { "@": join(web, "src") } },
    build: {
      outDir: folder,
      emptyOutDir: false,
      target: "es2023",
      reportCompressedSize: false,
      rolldownOptions: {
        input: join(web, "src/service_worker/service_worker.ts"),
        output: { format: "iife", entryFileNames: "service_worker.js" },
      },
    },
  });
}

/** After the page is built: hold the budgets, build the service worker, compress. */
export function finishBuild(): Plugin {
  const web = fileURLToPath(new URL("..", import.meta.url));
  let folder = "";
  return {
    name: "zajil-finish",
    apply: "build",
    configResolved(config) {
      folder = join(config.root, config.build.outDir);
    },
    async writeBundle() {
      const { report, exceeded } = checkBudgets(folder);
      console.info(report);
      if (exceeded.length > 0) throw new Error(exceeded.join("\n"));
      rmSync(join(folder, ".vite"), { recursive: true });
      await buildServiceWorker(web, folder);
      await compress(folder);
    },
  };
}
