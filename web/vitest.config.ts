import { defineConfig, mergeConfig } from "vitest/config";
import viteConfig from "./vite.config.ts";

// Apart from vite.config.ts: whoever only builds the client needs no test packages.
export default mergeConfig(
  viteConfig,
  defineConfig({
    test: {
      include: ["tests/**/*.test.{ts,tsx}", "src/**/*.test.{ts,tsx}"],
      environment: "node",
      restoreMocks: true,
      maxWorkers: 2,
    },
  }),
);
