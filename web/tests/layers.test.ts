import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const SOURCES = fileURLToPath(new URL("../src", import.meta.url));
const IMPORT = /(?:^|\n)\s*(?:import|export)\s(type\s)?(?:[^"';]*?\sfrom\s)?\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)/g;

/** What each layer may import of ours (besides itself), and which packages it may not. */
const RULES: Readonly<Record<string, { readonly ours: readonly string[]; readonly types: readonly string[]; readonly never: RegExp }>> = {
  platform: { ours: [], types: [], never: /^(react|matrix-js-sdk)/ },
  protocol: { ours: ["platform"], types: ["domain"], never: /^react/ },
  domain: { ours: [], types: [], never: /^(react|matrix-js-sdk|@matrix-org|idb|lucide-react|radix-ui|node:)/ },
  views: { ours: ["domain", "app", "i18n"], types: [], never: /^(matrix-js-sdk|@matrix-org|idb$)/ },
  i18n: { ours: [], types: [], never: /^matrix-js-sdk/ },
  service_worker: { ours: ["platform", "domain"], types: ["protocol"], never: /^react/ },
};
/** Values of the domain that have no state: problems and stores are made by the protocol too. */
const SHARED_DOMAIN = /^domain\//;

function listImports(): { file: string; layer: string; target: string; isType: boolean }[] {
  return readdirSync(SOURCES, { recursive: true, encoding: "utf-8" })
    .filter((name) => /\.tsx?$/.test(name) && !/\.test\.tsx?$/.test(name) && name.includes("/"))
    .flatMap((file) =>
      [...readFileSync(join(SOURCES, file), "utf-8").matchAll(IMPORT)].map((match) => {
        const source = (match[2] ?? match[3])!;
        const target = source.startsWith("@/") ? source.slice(2) : source.startsWith(".") ? normalize(join(dirname(file), source)) : `package:${source}`;
        return { file, layer: file.split("/")[0]!, target, isType: match[1] !== undefined };
      }),
    );
}

test("imports point one way", () => {
  const wrong = listImports().filter(({ layer, target, isType }) => {
    const rule = RULES[layer];
    if (rule === undefined) return false; // app puts it all together
    if (target.startsWith("package:")) return rule.never.test(target.slice("package:".length));
    const other = target.split("/")[0]!;
    if (other === layer || rule.ours.includes(other)) return false;
    return !(rule.types.includes(other) && (isType || SHARED_DOMAIN.test(target)));
  });
  expect(wrong.map(({ file, target }) => `${file} → ${target}`)).toEqual([]);
});

test("the domain does not touch the page", () => {
  const touching = readdirSync(join(SOURCES, "domain"), { recursive: true, encoding: "utf-8" })
    .filter((name) => name.endsWith(".ts"))
    .filter((name) => /(?<![.\w"'`])(?:(?:window|document|navigator|localStorage|indexedDB)\.|fetch\()/.test(readFileSync(join(SOURCES, "domain", name), "utf-8").replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "")));
  expect(touching).toEqual([]);
});

test("the rule sees imports at all", () => {
  expect(listImports().length).toBeGreaterThan(5);
});
