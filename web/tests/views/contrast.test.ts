import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const css = readFileSync(fileURLToPath(new URL("../../src/views/common/tokens.css", import.meta.url)), "utf-8");

/** The light and dark value of a colour: both may be one. */
function readColour(name: string): readonly [string, string] {
  const value = new RegExp(`--${name}:\\s*(?:light-dark\\(([^,]+),\\s*([^)]+)\\)|(#[0-9a-f]{6}))`, "u").exec(css);
  if (!value) throw new Error(`no colour --${name}`);
  return [(value[1] ?? value[3])!.trim(), (value[2] ?? value[3])!.trim()];
}

function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

function contrast(a: string, b: string): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light! + 0.05) / (dark! + 0.05);
}

const surfaces = ["surface", "surface-2", "surface-3", "bg"];
const text: readonly (readonly [string, string])[] = [
  ...surfaces.flatMap((surface) => [["text", surface], ["text-2", surface]] as const),
  ["text", "accent-soft"], ["text", "chat-bg"], ["text-2", "chat-bg"], ["accent-ink", "accent-soft"], ["accent-ink", "surface"], ["accent-ink", "surface-2"], ["accent-ink", "surface-3"],
  ["on-accent", "accent"], ["on-accent", "accent-hover"], ["on-clay", "clay"], ["on-danger", "danger"], ["danger-ink", "danger-soft"], ["danger-ink", "surface"], ["warn-ink", "warn-soft"], ["ok-ink", "ok-soft"],
  ["text", "bubble-in"], ["text", "bubble-out"], ["bubble-in-meta", "bubble-in"], ["bubble-out-meta", "bubble-out"], ["tick-read", "bubble-out"], ["link", "bubble-in"], ["link", "bubble-out"], ["text", "highlight"],
  ...Array.from({ length: 8 }, (_, at) => [["on-avatar", `avatar-${at}`], [`name-${at}`, "bubble-in"]] as const).flat(),
];
/** Edges of fields and marks: 3 : 1 (WCAG 1.4.11). */
const shapes: readonly (readonly [string, string])[] = [["line-strong", "surface"], ["line-strong", "surface-2"], ["focus", "surface"], ["focus", "chat-bg"], ["accent", "surface"]];

for (const [theme, at] of [["light", 0], ["dark", 1]] as const) {
  test.each(text)(`${theme}: %s on %s can be read`, (front, back) => {
    expect(contrast(readColour(front)[at], readColour(back)[at])).toBeGreaterThanOrEqual(4.5);
  });
  test.each(shapes)(`${theme}: %s on %s can be seen`, (front, back) => {
    expect(contrast(readColour(front)[at], readColour(back)[at])).toBeGreaterThanOrEqual(3);
  });
}
