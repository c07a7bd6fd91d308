import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

export const ENTRY_BYTES_MAX = 200 * 1024;
export const WHOLE_BYTES_MAX = 750 * 1024;
/** Loaded one at a time, on demand: languages and emoji data. */
const APART = /^src\/i18n\/\w+\.json$|emoji/;

export interface Chunk {
  readonly file: string;
  readonly isEntry?: boolean;
  readonly imports?: readonly string[];
  readonly css?: readonly string[];
}
export type Manifest = Readonly<Record<string, Chunk>>;

/** The files that `entry` loads before anything else happens, itself included. */
export function findStaticFiles(manifest: Manifest, entry: string): Set<string> {
  const found = new Set<string>();
  const pending = [entry];
  for (let key = pending.pop(); key !== undefined; key = pending.pop()) {
    const chunk = manifest[key];
    if (chunk === undefined || found.has(chunk.file)) continue;
    found.add(chunk.file);
    pending.push(...(chunk.imports ?? []));
  }
  return found;
}

function sumGzip(folder: string, files: Iterable<string>): number {
  return [...files].filter((file) => file.endsWith(".js")).reduce((sum, file) => sum + gzipSync(readFileSync(join(folder, file)), { level: 9 }).length, 0);
}

/** Measures a build whose `.vite/manifest.json` is still there. */
export function checkBudgets(folder: string): { readonly report: string; readonly exceeded: readonly string[] } {
  const manifest = JSON.parse(readFileSync(join(folder, ".vite/manifest.json"), "utf-8")) as Manifest;
  const entry = sumGzip(folder, findStaticFiles(manifest, "index.html"));
  const apart = Object.keys(manifest).filter((key) => APART.test(key));
  const apartFiles = new Set(apart.map((key) => manifest[key]!.file));
  const whole = sumGzip(folder, new Set(Object.values(manifest).map((chunk) => chunk.file).filter((file) => !apartFiles.has(file))));
  const kib = (bytes: number): string => `${(bytes / 1024).toFixed(1)} KiB`;
  const exceeded: string[] = [];
  if (entry > ENTRY_BYTES_MAX) exceeded.push(`JavaScript before sign-in is ${kib(entry)} gzip, more than ${kib(ENTRY_BYTES_MAX)}`);
  if (whole > WHOLE_BYTES_MAX) exceeded.push(`All JavaScript is ${kib(whole)} gzip, more than ${kib(WHOLE_BYTES_MAX)}`);
  return { report: `JavaScript, gzip: ${kib(entry)} before sign-in, ${kib(whole)} in all`, exceeded };
}
