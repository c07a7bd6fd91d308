import { defineConfig, mergeConfig } from "vitest/config";
import viteConfig from "./vite.config.ts";

/** Ends a test that hangs. How fast the machine is decides about no test: what takes long on a busy one passes all the same. */
const HANGS_MS = 600_000;
const POLL_MS_MAX = 180_000;

// Apart from vite.config.ts: whoever only builds the client needs no test packages.
export default mergeConfig(
  viteConfig,
  defineConfig({
    test: {
      include: ["tests/**/*.test.{ts,tsx}", "src/**/*.test.{ts,tsx}"],
      environment: "node",
      restoreMocks: true,
      maxWorkers: 2,
      testTimeout: HANGS_MS,
      hookTimeout: HANGS_MS,
      expect: { poll: { timeout: POLL_MS_MAX } },
    },
  }),
);
