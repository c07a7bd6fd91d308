/**
 * Writes src/domain/emoji/data/*.json from emojibase-data (order, English) and CLDR (Arabic). Run by hand when these are updated: the files are committed.
 *   node scripts/build_emoji_data.mjs
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const load = (path) => JSON.parse(readFileSync(require.resolve(path), "utf8"));
const GROUPS = ["smileys", "people", undefined, "animals", "food", "travel", "activities", "objects", "symbols", "flags"];
const TONES = ["\u{1F3FB}", "\u{1F3FC}", "\u{1F3FD}", "\u{1F3FE}", "\u{1F3FF}"];
const KEYWORDS_MAX = 14;

/** The rule of domain/emoji/skin_tone.ts; emojis that do not follow it get no tones. */
const applyTone = (emoji, tone) => emoji.replace(/(\p{Emoji_Modifier_Base})\uFE0F?/gu, `$1${TONES[tone - 1]}`);

const base = load("emojibase-data/en/data.json").filter((entry) => entry.group !== undefined && GROUPS[entry.group] !== undefined).sort((a, b) => a.order - b.order);
const arabic = load("cldr-annotations-full/annotations/ar/annotations.json").annotations.annotations;
const regions = new Intl.DisplayNames("ar", { type: "region", style: "short" });

const bare = (emoji) => emoji.replaceAll("\uFE0F", "");
const isToned = (entry) => TONES.every((_, index) => (entry.skins ?? []).some((skin) => skin.emoji === applyTone(entry.emoji, index + 1)));

function arabicOf(entry) {
  const found = arabic[entry.emoji] ?? arabic[bare(entry.emoji)];
  if (found !== undefined) return { name: found.tts?.[0] ?? found.default[0], keywords: found.default };
  const letters = [...entry.emoji].map((letter) => letter.codePointAt(0) - 0x1f1e6);
  if (letters.length === 2 && letters.every((letter) => letter >= 0 && letter < 26)) {
    const code = String.fromCharCode(...letters.map((letter) => letter + 65));
    return { name: `علم ${regions.of(code) ?? code}`, keywords: ["علم", code.toLowerCase()] };
  }
  return composedArabic(entry);
}

const FAMILY = new Set(["👨", "👩", "👦", "👧", "🧑", "🧒"]);
const SUBDIVISIONS = { gbeng: "إنجلترا", gbsct: "اسكتلندا", gbwls: "ويلز" };
/** What joined signs mean there; on their own they have other names. */
const JOINED = { "♀": "امرأة", "♂": "رجل", "➡": "إلى اليمين" };

/** Sequences CLDR derives by rule: a person doing something, families, flags of parts of a country, keycaps. */
function composedArabic(entry) {
  const keycap = entry.emoji === "🔟" ? "10" : /^([0-9#*])\uFE0F?\u20E3$/u.exec(entry.emoji)?.[1];
  if (keycap !== undefined) return { name: `مفتاح ${keycap}`, keywords: [keycap, "رقم"] };
  const subdivision = SUBDIVISIONS[[...entry.emoji].slice(1, -1).map((tag) => String.fromCharCode((tag.codePointAt(0) - 0xe0000) & 0xffff)).join("")];
  if (subdivision !== undefined) return { name: `علم ${subdivision}`, keywords: ["علم"] };
  const parts = entry.emoji.split("\u200D").map((part) => ({ part: bare(part), found: arabic[part] ?? arabic[bare(part)] }));
  if (parts.some(({ part, found }) => found === undefined && JOINED[part] === undefined)) throw new Error(`no Arabic name for ${entry.emoji} ${entry.label}`);
  const names = parts.map(({ part, found }) => JOINED[part] ?? found.tts?.[0] ?? found.default[0]);
  const family = parts.every(({ part }) => FAMILY.has(part));
  const name = family ? `عائلة: ${names.join("، ")}` : parts.length === 1 ? names[0] : `${names[0]}: ${names.slice(1).join("، ")}`;
  return { name, keywords: parts.flatMap(({ part, found }) => (JOINED[part] === undefined ? found.default : [])) };
}

/** "name|keyword,keyword": keywords that the name does not say already. */
function line(name, keywords) {
  const said = new Set(name.toLowerCase().split(/[\s:,،-]+/u));
  const kept = [...new Set(keywords.map((keyword) => keyword.toLowerCase()))].filter((keyword) => keyword !== name.toLowerCase() && !keyword.split(/\s+/u).every((word) => said.has(word)));
  return [name, kept.slice(0, KEYWORDS_MAX).map((keyword) => keyword.replaceAll(/[|,]/gu, " ")).join(",")].join("|").replace(/\|$/u, "");
}

function write(name, value) {
  const path = new URL(`../src/domain/emoji/data/${name}.json`, import.meta.url);
  writeFileSync(path, `${JSON.stringify(value, null, 0)}\n`);
  console.info(name, base.length, "emojis,", readFileSync(path).length, "bytes");
}

const groups = GROUPS.flatMap((id, group) => (id === undefined ? [] : [{ id, emojis: base.filter((entry) => entry.group === group) }]));
const ordered = groups.flatMap((group) => group.emojis);
write("emojis", {
  groups: groups.map(({ id, emojis }) => ({ id, emojis: emojis.map((entry) => entry.emoji).join(" ") })),
  toned: ordered.filter(isToned).map((entry) => entry.emoji).join(" "),
});
write("en", ordered.map((entry) => line(entry.label, entry.tags ?? [])));
write("ar", ordered.map((entry) => { const { name, keywords } = arabicOf(entry); return line(name, keywords); }));
