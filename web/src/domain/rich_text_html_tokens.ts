/** A tolerant reader of HTML without a DOM: gives text and tags in order. Nothing it reads is ever put into a page. */

export type HtmlToken =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "open"; readonly name: string; readonly attributes: ReadonlyMap<string, string> }
  | { readonly type: "close"; readonly name: string };

export const HTML_LENGTH_MAX = 65_536;
export const ATTRIBUTES_MAX = 20;
export const ATTRIBUTE_LENGTH_MAX = 2_048;

/** Elements whose content is not text for people (or, for mx-reply, not part of the message): dropped with all they hold. */
const DROPPED: ReadonlySet<string> = new Set([
  "script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes", "noscript", "plaintext", "template", "object", "embed", "applet",
  "svg", "math", "head", "select", "audio", "video", "canvas", "mx-reply",
]);
const TAG = /<(\/?)([a-zA-Z][a-zA-Z0-9-]{0,30})(?=[\s/>])/y;
const ATTRIBUTE = /[\s/]*([^\s/>=]{1,40})(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"'`]+)))?/y;

/** Tokens of at most the first `HTML_LENGTH_MAX` code units. */
export function* readHtml(source: string): Generator<HtmlToken> {
  const html = source.slice(0, HTML_LENGTH_MAX);
  let at = 0;
  let textFrom = 0;
  while (at < html.length) {
    const open = html.indexOf("<", at);
    if (open === -1) break;
    const markup = skipComment(html, open);
    const tag = markup === undefined ? readTag(html, open) : undefined;
    if (markup === undefined && tag === undefined) {
      at = open + 1;
      continue;
    }
    if (open > textFrom) yield { type: "text", text: decodeEntities(html.slice(textFrom, open)) };
    at = markup ?? tag?.end ?? html.length;
    if (tag !== undefined && tag.token.type === "open" && DROPPED.has(tag.token.name)) at = skipElement(html, tag.token.name, at);
    else if (tag !== undefined) yield tag.token;
    textFrom = at;
  }
  if (textFrom < html.length) yield { type: "text", text: decodeEntities(html.slice(textFrom)) };
}

/** End of the comment, declaration or instruction that starts here; undefined if it is something else. */
function skipComment(html: string, open: number): number | undefined {
  const end = (mark: string): number => {
    const found = html.indexOf(mark, open + 2);
    return found === -1 ? html.length : found + mark.length;
  };
  if (html.startsWith("<!--", open)) return end("-->");
  return html[open + 1] === "!" || html[open + 1] === "?" ? end(">") : undefined;
}

function readTag(html: string, open: number): { readonly token: HtmlToken; readonly end: number } | undefined {
  TAG.lastIndex = open;
  const tag = TAG.exec(html);
  if (tag === null) return undefined;
  const name = (tag[2] ?? "").toLowerCase();
  const attributes = new Map<string, string>();
  let at = TAG.lastIndex;
  for (;;) {
    ATTRIBUTE.lastIndex = at;
    const attribute = ATTRIBUTE.exec(html);
    if (attribute === null) break;
    at = ATTRIBUTE.lastIndex;
    const key = (attribute[1] ?? "").toLowerCase();
    const value = attribute[2] ?? attribute[3] ?? attribute[4] ?? "";
    if (attributes.size < ATTRIBUTES_MAX && value.length <= ATTRIBUTE_LENGTH_MAX && !attributes.has(key)) attributes.set(key, decodeEntities(value));
  }
  const close = html.indexOf(">", at);
  const end = close === -1 ? html.length : close + 1;
  return { token: tag[1] === "/" ? { type: "close", name } : { type: "open", name, attributes }, end };
}

/** End of a dropped element, counting elements of its name inside it. Without an end tag all the rest is dropped. */
function skipElement(html: string, name: string, from: number): number {
  const pattern = new RegExp(`<(/?)${name}(?=[\\s/>])[^>]*>?`, "giu");
  pattern.lastIndex = from;
  let depth = 1;
  for (let found = pattern.exec(html); found !== null; found = pattern.exec(html)) {
    depth += found[1] === "/" ? -1 : 1;
    if (depth === 0) return pattern.lastIndex;
  }
  return html.length;
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00A0", copy: "©", reg: "®", trade: "™", hellip: "…", mdash: "—", ndash: "–", bull: "•", middot: "·",
  lsquo: "‘", rsquo: "’", ldquo: "“", rdquo: "”", laquo: "«", raquo: "»", times: "×", euro: "€", pound: "£", deg: "°", zwnj: "\u200C", zwj: "\u200D",
};

/** Named (the usual ones) and numeric character references. */
export function decodeEntities(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(/&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-zA-Z]{2,8}));/gu, (whole, decimal?: string, hex?: string, name?: string) => {
    if (name !== undefined) return Object.hasOwn(ENTITIES, name) ? (ENTITIES[name] ?? whole) : whole;
    const point = decimal !== undefined ? Number.parseInt(decimal, 10) : Number.parseInt(hex ?? "", 16);
    const scalar = point > 0 && point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff);
    return scalar ? String.fromCodePoint(point) : "\uFFFD";
  });
}

export function encodeEntities(text: string): string {
  return text.replace(/&/gu, "&amp;").replace(/</gu, "&lt;").replace(/>/gu, "&gt;").replace(/"/gu, "&quot;");
}
