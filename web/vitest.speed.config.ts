import { defineConfig, mergeConfig } from "vitest/config";
import tests from "./vitest.config.ts";

// How fast the parts are, one after the other, on a machine that does nothing else: `make soak`, not `make test`.
const config = mergeConfig(tests, defineConfig({ test: { maxWorkers: 1 } }));
config.test = { ...config.test, include: ["tests/speed/**/*.speed.ts"] };

export default config;
