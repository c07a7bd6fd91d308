import { fileURLToPath } from "node:url";
import { createServer, type ViteDevServer } from "vite";
import { mediaServer, type MediaServerState } from "./media_server.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Vite with the demo page and a media server, on a free port of this machine. */
export async function serveDemo(): Promise<{ readonly url: string; readonly state: MediaServerState; close(): Promise<void> }> {
  const state: MediaServerState = { files: new Map(), failures: [], requests: [] };
  const vite: ViteDevServer = await createServer({
    root: ROOT,
    logLevel: "error",
    plugins: [mediaServer(state)],
    cacheDir: `${ROOT}/node_modules/.vite-demo-media`,
    server: { host: "127.0.0.1", port: 0, strictPort: false, proxy: {}, hmr: false, watch: null },
    optimizeDeps: { entries: ["tests/demo_media/index.html"], include: ["qrcode", "jsqr"] },
  });
  await vite.listen(0);
  const address = vite.httpServer?.address();
  const port = typeof address === "object" && address ? address.port : 0;
  return { url: `http://127.0.0.1:${port}/tests/demo_media/index.html`, state, close: () => vite.close() };
}
