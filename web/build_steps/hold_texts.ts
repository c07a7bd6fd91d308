import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";
import { findMissingTexts } from "./texts.ts";

/** Fails the build on a text that one of the languages, or both, do not have. (Unused texts fail the tests only.) */
export function holdTexts(): Plugin {
  return {
    name: "zajil-texts",
    apply: "build",
    buildStart() {
      const problems = findMissingTexts(fileURLToPath(new URL("../src", import.meta.url)));
      if (problems.length > 0) this.error(`The texts are not complete:\n${problems.join("\n")}`);
    },
  };
}
