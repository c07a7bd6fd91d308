import react from "@vitejs/plugin-react";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { finishBuild } from "./build_steps/finish_build.ts";
import { holdTexts } from "./build_steps/hold_texts.ts";

/** Everything with a hash in its name is below this path, so that one route of the server gives it out as immutable. */
const ASSETS = "_zajil/web";

/** Server and client are one release. */
const VERSION = /^version = "([^"]+)"/m.exec(readFileSync(new URL("../pyproject.toml", import.meta.url), "utf-8"))?.[1] ?? "";

/** Pieces of the screen behind the sign-in. */
const SHARED_VIEWS = /[\\/]src[\\/]views[\\/]|[\\/](lucide-react|@radix-ui|@tanstack)[\\/]/;

export default defineConfig({
  base: "/",
  define: { __ZAJIL_VERSION__: JSON.stringify(VERSION) },
  resolve: {
    alias: {
      "@": fileURLToPath(new URL("./src", import.meta.url)),
      "react-remove-scroll": fileURLToPath(new URL("./src/views/common/remove_scroll.tsx", import.meta.url)),
    },
  },
  plugins: [react(), holdTexts(), finishBuild()],
  build: {
    outDir: "../src/zajil/http/web_client",
    emptyOutDir: true,
    assetsDir: ASSETS,
    target: "es2023",
    manifest: true,
    modulePreload: { polyfill: false },
    // The page's policy permits no data: fonts; and small pictures are cheaper as files that are cached for ever.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 3000,
    // Each file costs a start milliseconds, however small: what is always loaded together is one file.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "start", tags: ["$initial"], priority: 2 }, { name: "parts", test: SHARED_VIEWS, minShareCount: 2, priority: 1 }] } } },
  },
  server: { port: 5173, proxy: { "/_matrix": "http://127.0.0.1:8008", "/_zajil/account": "http://127.0.0.1:8008" } },
});
