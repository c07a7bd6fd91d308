import react from "@vitejs/plugin-react";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

/** The views over the demo engine, for tests and screenshots: never part of the product. */
export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "./",
  resolve: { alias: { "@": fileURLToPath(new URL("../../src", import.meta.url)) } },
  plugins: [react()],
  build: { target: "es2023", assetsInlineLimit: 0, emptyOutDir: true, manifest: true, modulePreload: { polyfill: false } },
});
