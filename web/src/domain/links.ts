import { LinkifyIt } from "linkify-it";
import { cleanName } from "./bidi";
import { decodePunycode } from "./links_punycode";

export const HREF_LENGTH_MAX = 2_000;
/** Links found in one message; the rest stays text. */
export const LINKS_MAX = 200;

/** Endings of bare addresses ("example.com") that are far more often an address than a file name or a typing slip. */
const BARE_TLDS = [
  "com", "org", "net", "edu", "gov", "int", "info", "io", "app", "dev", "me", "tv", "eu", "uk", "de", "fr", "us", "ca", "ch", "at", "nl", "se", "it", "es",
  "sa", "ae", "eg", "qa", "kw", "bh", "om", "jo", "lb", "sy", "iq", "ye", "ps", "ly", "tn", "dz", "ma", "sd", "mr", "tr", "ir", "pk", "in",
  "السعودية", "مصر", "امارات", "قطر", "عمان", "الاردن", "فلسطين", "تونس", "المغرب", "الجزائر", "سورية", "عراق", "سودان", "موقع", "شبكة", "بازار",
];

const linkify = new LinkifyIt({ fuzzyLink: true, fuzzyEmail: true, tlds: BARE_TLDS, maxLength: HREF_LENGTH_MAX });

export interface FoundLink {
  readonly start: number;
  readonly end: number;
  readonly href: string;
}

/** The links in plain text, in order; only such as `safeHref` lets through. */
export function findLinks(text: string): readonly FoundLink[] {
  if (!/[.:@]/u.test(text)) return [];
  const found: FoundLink[] = [];
  for (const match of linkify.match(text) ?? []) {
    if (found.length >= LINKS_MAX) break;
    const bare = match.schema === "" ? match.url.replace(/^http:/u, "https:") : match.url;
    const href = safeHref(bare);
    if (href !== undefined) found.push({ start: match.index, end: match.lastIndex, href });
  }
  return found;
}

/** The address in normal form if it is http, https or mailto; without user name and password, which serve only to deceive. */
export function safeHref(href: string): string | undefined {
  if (href.length > HREF_LENGTH_MAX || /[\p{Cc}\u202A-\u202E\u2066-\u206F]/u.test(href)) return undefined;
  const url = parseUrl(href.trim());
  if (url === undefined) return undefined;
  if (url.protocol === "mailto:") return /^[^\s?@]+@[^\s?@]+$/u.test(decodeSafely(url.pathname)) ? `mailto:${url.pathname}` : undefined;
  if (url.protocol !== "http:" && url.protocol !== "https:") return undefined;
  if (url.hostname === "") return undefined;
  url.username = "";
  url.password = "";
  return url.href.length <= HREF_LENGTH_MAX ? url.href : undefined;
}

function parseUrl(href: string): URL | undefined {
  // Relative addresses would lead into this client.
  if (!/^[a-z][a-z0-9+.-]*:/iu.test(href)) return undefined;
  try {
    return new URL(href);
  } catch {
    return undefined;
  }
}

function decodeSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The host as a person should see it: in its own script if that cannot be mistaken for another, else in Punycode. */
export function displayHost(href: string): string {
  const url = parseUrl(href);
  if (url === undefined) return "";
  if (url.protocol === "mailto:") return decodeSafely(url.pathname).split("@").at(-1) ?? "";
  const labels = url.hostname.split(".");
  const decoded = labels.map((label) => (label.startsWith("xn--") ? decodePunycode(label.slice(4)) : label));
  const readable = decoded.every((label) => label !== undefined && isSingleScript(label));
  return (readable ? decoded.join(".") : url.hostname) + (url.port === "" ? "" : `:${url.port}`);
}

const PLAIN_LABEL = /^[a-z0-9-]+$/u;
/** Scripts whose letters are not taken for Latin ones. Cyrillic and Greek are left out: "аррӏе" is all Cyrillic. */
const SAFE_LABELS = [
  // The Arabic letters of the languages' alphabets: no presentation forms, no marks.
  /^[\u0620-\u063A\u0641-\u064A\u066E-\u06D3\u06D5\u06EE\u06EF\u06FA-\u06FC0-9-]+$/u,
  /^[\u05D0-\u05EA0-9-]+$/u,
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー0-9-]+$/u,
  /^[\p{Script=Hangul}0-9-]+$/u,
  /^[\p{Script=Devanagari}0-9-]+$/u,
  /^[\p{Script=Thai}0-9-]+$/u,
  // Latin with the usual accents of European languages.
  /^[a-z0-9àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿœßğşčšžćđżźńłęąůřťěő-]+$/u,
];

function isSingleScript(label: string): boolean {
  return PLAIN_LABEL.test(label) || SAFE_LABELS.some((script) => script.test(label));
}

/** A short readable form of the address: honest host first, the rest shortened. */
export function displayHref(href: string, max = 80): string {
  const url = parseUrl(href);
  if (url === undefined) return "";
  if (url.protocol === "mailto:") return cleanName(decodeSafely(url.pathname), max);
  const tail = cleanName(decodeSafely(url.pathname + url.search), 1_000).replace(/^\/$/u, "");
  const whole = displayHost(href) + tail;
  return whole.length <= max ? whole : `${whole.slice(0, max - 1)}…`;
}

const LOOKS_LIKE_ADDRESS = /(?:[a-z][a-z0-9+.-]{1,10}:\/\/)?(?:[\p{L}\p{N}-]{1,63}[.\u3002\uFF0E\uFF61])+[\p{L}][\p{L}\p{N}-]{1,62}(?![\p{L}\p{N}])/iu;

/** True if a link's text reads as an address that is not where the link goes. */
export function isDeceptive(text: string, href: string): boolean {
  const seen = LOOKS_LIKE_ADDRESS.exec(cleanName(text, 500))?.[0];
  if (seen === undefined) return false;
  const url = parseUrl(href);
  if (url === undefined) return true;
  const claimed = parseUrl(/^[a-z][a-z0-9+.-]*:\/\//iu.test(seen) ? seen : `https://${seen}`);
  if (claimed === undefined) return true;
  const actual = url.protocol === "mailto:" ? displayHost(href) : url.hostname;
  return bareHost(claimed.hostname) !== bareHost(actual);
}

function bareHost(host: string): string {
  return host.toLowerCase().replace(/^www\./u, "");
}
