import { fileURLToPath } from "node:url";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findMissingTexts, findUnusedTexts } from "../build_steps/texts.ts";

const SOURCES = fileURLToPath(new URL("../src", import.meta.url));

test("both languages say everything the sources ask for", () => {
  expect(findMissingTexts(SOURCES)).toEqual([]);
});

test("no text is left over", () => {
  expect(findUnusedTexts(SOURCES)).toEqual([]);
});

test("what is missing, different or left over is found", () => {
  const folder = mkdtempSync(join(tmpdir(), "texts-"));
  mkdirSync(join(folder, "i18n"));
  const write = (language: string, texts: unknown): void => writeFileSync(join(folder, "i18n", `${language}.json`), JSON.stringify(texts));
  write("en", { a: { one_way: "One", only: "Only", n_one: "{{count}} day", n_other: "{{count}} days", left: "Left", x: "Hi {{name}}" } });
  write("ar", { a: { one_way: "واحد", n_one: "يوم", n_other: "{{count}} يوم", left: "باق", x: "أهلا" } });
  writeFileSync(join(folder, "page.ts"), 't("a.one_way"); t("a.only"); t("a.n"); t("a.x"); t("a.gone"); new Problem("lost")');
  expect(findMissingTexts(folder)).toEqual([
    'ar.json has no "a.n_zero"',
    'ar.json has no "a.n_two"',
    'ar.json has no "a.n_few"',
    'ar.json has no "a.n_many"',
    'ar.json has no "a.only"',
    '"a.x" has other placeholders in each language: name | ',
    'page.ts uses "a.gone", which is in no language file',
    'page.ts uses "problem.lost", which is in no language file',
    'page.ts uses "problem.lost_next", which is in no language file',
  ]);
  expect(findUnusedTexts(folder)).toEqual(["a.left"]);
});
