import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const LANGUAGES = ["en", "ar"] as const;
type Texts = ReadonlyMap<string, string>;

const PLURAL = /_(zero|one|two|few|many|other)$/;
/** t("a.b"), t('a.b'), i18nKey="a.b", textKey: "a.b" */
const KEY_USE = /(?:\bt\(\s*|\bi18nKey=\{?\s*|\btextKey:\s*)(["'])([\w.-]+)\1/g;
const PROBLEM_USE = /\bnew Problem\(\s*(["'])([\w-]+)\1/g;
const LITERAL = /(["'`])((?:[\w-]+\.)+[\w-]+)\1/g;
/** `a.b_${…}`: all keys that begin so count as used. */
const DYNAMIC = /`([\w-]+\.[\w.-]*)\$\{/g;

function flatten(value: unknown, prefix: string, into: Map<string, string>): Map<string, string> {
  if (typeof value === "string") into.set(prefix, value);
  else if (typeof value === "object" && value !== null) {
    for (const [name, inner] of Object.entries(value)) flatten(inner, prefix ? `${prefix}.${name}` : name, into);
  }
  return into;
}

export function loadTexts(sources: string, language: string): Texts {
  return flatten(JSON.parse(readFileSync(join(sources, "i18n", `${language}.json`), "utf-8")), "", new Map());
}

function loadSources(sources: string): readonly (readonly [string, string])[] {
  return readdirSync(sources, { recursive: true, encoding: "utf-8" })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => [name, readFileSync(join(sources, name), "utf-8")] as const);
}

/** What has an "other" form has plural forms; without one "forwarded_many" and the like are keys like any other. */
function isPluralForm(key: string, all: readonly Texts[]): boolean {
  return PLURAL.test(key) && all.some((texts) => texts.has(key.replace(PLURAL, "_other")));
}

/** Keys without their plural ending, each with its forms ("" if it has none). */
function groupPlurals(texts: Texts, all: readonly Texts[]): Map<string, Set<string>> {
  const groups = new Map<string, Set<string>>();
  for (const key of texts.keys()) {
    const form = isPluralForm(key, all) ? PLURAL.exec(key)?.[1] : undefined;
    const base = form === undefined ? key : key.replace(PLURAL, "");
    const forms = groups.get(base) ?? new Set<string>();
    forms.add(form ?? "");
    groups.set(base, forms);
  }
  return groups;
}

function groupKnown(sources: string): Map<string, Set<string>> {
  const texts = loadTexts(sources, LANGUAGES[0]);
  return groupPlurals(texts, [texts]);
}

function placeholders(text: string): string {
  return [...new Set([...text.matchAll(/\{\{-?\s*(\w+)[^}]*\}\}|<\/?(\w+)\s*\/?>/g)].map((match) => match[1] ?? `<${match[2]}>`))].sort().join(" ");
}

/** The plural forms that a language needs, as Intl knows them. */
function requiredForms(language: string): readonly string[] {
  return new Intl.PluralRules(language).resolvedOptions().pluralCategories;
}

function isPlural(forms: ReadonlySet<string>): boolean {
  return [...forms].some((form) => form !== "");
}

function compareLanguages(sources: string): string[] {
  const problems: string[] = [];
  const texts = new Map(LANGUAGES.map((language) => [language, loadTexts(sources, language)]));
  const groups = new Map(LANGUAGES.map((language) => [language, groupPlurals(texts.get(language)!, [...texts.values()])]));
  const all = new Set(LANGUAGES.flatMap((language) => [...groups.get(language)!.keys()]));
  for (const base of [...all].sort()) {
    const everyForm = new Set<string>(LANGUAGES.flatMap((language) => [...(groups.get(language)!.get(base) ?? [])]));
    for (const language of LANGUAGES) {
      const forms = groups.get(language)!.get(base);
      if (forms === undefined) problems.push(`${language}.json has no "${base}"`);
      else if (isPlural(everyForm)) {
        for (const form of requiredForms(language)) if (!forms.has(form)) problems.push(`${language}.json has no "${base}_${form}"`);
      }
      for (const form of forms ?? []) {
        const key = form === "" ? base : `${base}_${form}`;
        if (texts.get(language)!.get(key)?.trim() === "") problems.push(`${language}.json: "${key}" is empty`);
      }
    }
    const [first, second] = LANGUAGES.map((language) => texts.get(language)!.get(everyForm.has("other") ? `${base}_other` : base));
    if (first !== undefined && second !== undefined && placeholders(first) !== placeholders(second)) {
      problems.push(`"${base}" has other placeholders in each language: ${placeholders(first)} | ${placeholders(second)}`);
    }
  }
  return problems;
}

function findUses(sources: string): { exact: Map<string, string>; literals: Set<string>; prefixes: Set<string> } {
  const exact = new Map<string, string>();
  const literals = new Set<string>();
  const prefixes = new Set<string>();
  for (const [name, text] of loadSources(sources)) {
    for (const match of text.matchAll(KEY_USE)) if (match[2]!.includes(".")) exact.set(match[2]!, name);
    for (const match of text.matchAll(PROBLEM_USE)) for (const end of ["", "_next"]) exact.set(`problem.${match[2]}${end}`, name);
    for (const match of text.matchAll(LITERAL)) literals.add(match[2]!);
    for (const match of text.matchAll(DYNAMIC)) prefixes.add(match[1]!);
  }
  prefixes.delete("problem."); // codes count where they are made, below
  return { exact, literals, prefixes };
}

/** What makes somebody see a key instead of a text: differences between the languages, and keys in the sources that no file has. */
export function findMissingTexts(sources: string): string[] {
  const problems = compareLanguages(sources);
  const known = groupKnown(sources);
  for (const [key, file] of findUses(sources).exact) if (!known.has(key)) problems.push(`${file} uses "${key}", which is in no language file`);
  return problems;
}

/** Texts that nothing in the sources asks for. */
export function findUnusedTexts(sources: string): string[] {
  const { exact, literals, prefixes } = findUses(sources);
  const words = new Set(loadSources(sources).flatMap(([, text]) => [...text.matchAll(/["'`]([\w-]+)["'`]/g)].map((match) => match[1]!)));
  const isUsed = (key: string): boolean => {
    if (exact.has(key) || literals.has(key)) return true;
    if (key.startsWith("problem.")) return words.has(key.slice("problem.".length).replace(/_next$/, ""));
    return [...prefixes].some((prefix) => key.startsWith(prefix));
  };
  return [...groupKnown(sources).keys()].filter((key) => !isUsed(key));
}
