/** Longest file name, in UTF-8 bytes, that every usual file system takes (255), less what browsers append to copies. */
const NAME_BYTES_MAX = 200;
const EXTENSION_LENGTH_MAX = 12;
/** Windows opens devices under these names, with any ending. */
const RESERVED = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])$/i;
/** Controls, and characters that change the direction of what follows: "photo\u202egpj.exe" shows as "photoexe.jpg". */
const HIDDEN = /[\p{Cc}\p{Cs}\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff]/gu;
const FORBIDDEN = /[/\\:*?"<>|]/g;

/** A name under which a stranger's file may be saved; `fallback` (localised) if nothing is left of theirs. */
export function safeFileName(name: string, extension: string, fallback: string): string {
  const cleaned = name.normalize("NFC").replace(HIDDEN, "").replace(FORBIDDEN, "_").replace(/\s+/g, " ").replace(/^[. ~]+|[. ]+$/g, "");
  const dot = cleaned.lastIndexOf(".");
  const hasEnding = dot > 0 && cleaned.length - dot - 1 <= EXTENSION_LENGTH_MAX && /^[\p{L}\p{N}]+$/u.test(cleaned.slice(dot + 1));
  let stem = hasEnding ? cleaned.slice(0, dot) : cleaned;
  const ending = hasEnding ? cleaned.slice(dot + 1) : extension;
  if (stem === "" || stem === "_") stem = fallback;
  if (RESERVED.test(stem.split(".")[0] ?? "")) stem = `_${stem}`;
  return `${cutToBytes(stem, NAME_BYTES_MAX - ending.length - 1)}${ending ? `.${ending}` : ""}`;
}

function cutToBytes(text: string, bytesMax: number): string {
  const encoder = new TextEncoder();
  if (encoder.encode(text).length <= bytesMax) return text;
  let cut = "";
  let length = 0;
  for (const { segment } of new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text)) {
    length += encoder.encode(segment).length;
    if (length > bytesMax) break;
    cut += segment;
  }
  return cut;
}

const DANGEROUS = new Set(["exe", "msi", "bat", "cmd", "com", "scr", "pif", "vbs", "js", "jse", "wsf", "ps1", "jar", "apk", "dmg", "pkg", "app", "deb", "rpm", "sh", "lnk", "hta", "reg", "docm", "xlsm", "html", "htm", "svg"]);

/** A program or something that runs scripts: asked about before it is saved. */
export function mayRun(name: string): boolean {
  return DANGEROUS.has(/\.([^.]+)$/.exec(name)?.[1]?.toLowerCase() ?? "");
}
