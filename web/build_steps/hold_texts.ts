import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";
import { findMissingTexts } from "./texts.ts";

/** Fails the build on a text that one of the languages, or both, do not have; `--mode draft` only warns. (Unused texts fail the tests.) */
export function holdTexts(): Plugin {
  let isDraft = false;
  return {
    name: "zajil-texts",
    apply: "build",
    configResolved(config) {
      isDraft = config.mode === "draft";
    },
    buildStart() {
      const problems = findMissingTexts(fileURLToPath(new URL("../src", import.meta.url)));
      if (problems.length === 0) return;
      if (isDraft) this.warn(`${problems.length} texts are missing`);
      else this.error(`The texts are not complete:\n${problems.join("\n")}`);
    },
  };
}
