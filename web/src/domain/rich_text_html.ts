import { cleanName, cleanText } from "./bidi";
import { DEPTH_MAX, NODES_MAX } from "./rich_text";
import type { RichNode, RichText } from "./rich_text";
import { buildLinkNode, linkifyText } from "./rich_text_build";
import { readHtml } from "./rich_text_html_tokens";
import type { HtmlToken } from "./rich_text_html_tokens";

export const LIST_ITEMS_MAX = 500;
const LANGUAGE = /(?:^|\s)language-([A-Za-z0-9+#._-]{1,30})(?:\s|$)/u;

interface Frame {
  readonly tag: string;
  readonly children: RichNode[];
  readonly attributes: ReadonlyMap<string, string>;
}

const NO_ATTRIBUTES: ReadonlyMap<string, string> = new Map();
const SIMPLE: ReadonlyMap<string, "bold" | "italic" | "strike" | "underline" | "quote" | "paragraph"> = new Map([
  ["b", "bold"], ["strong", "bold"], ["i", "italic"], ["em", "italic"], ["s", "strike"], ["del", "strike"], ["strike", "strike"], ["u", "underline"],
  ["blockquote", "quote"], ["p", "paragraph"], ["div", "paragraph"], ["tr", "paragraph"], ["caption", "paragraph"], ["details", "paragraph"], ["summary", "bold"],
]);
const OTHERS: ReadonlySet<string> = new Set(["a", "span", "ul", "ol", "li", "pre", "code", "h1", "h2", "h3", "h4", "h5", "h6", "td", "th"]);
const BLOCKS: ReadonlySet<RichNode["type"]> = new Set(["paragraph", "quote", "heading", "code-block", "list"]);
/** A list without its items' end tags, and paragraphs likewise, as HTML allows. */
const CLOSED_BY_SIBLING: ReadonlySet<string> = new Set(["li", "p", "td", "th", "tr"]);

/** `formatted_body` of format org.matrix.custom.html: the specification's subset; unknown elements lose their tags, dangerous ones their content too. */
export function parseHtml(html: string): RichText {
  const builder = new HtmlBuilder();
  for (const token of readHtml(html)) builder.take(token);
  return builder.finish();
}

class HtmlBuilder {
  readonly #root: Frame = { tag: "", children: [], attributes: NO_ATTRIBUTES };
  readonly #stack: Frame[] = [this.#root];
  #nodes = 0;

  take(token: HtmlToken): void {
    if (token.type === "text") this.#text(token.text);
    else if (token.type === "open") this.#open(token.name, token.attributes);
    else this.#close(token.name);
  }

  finish(): RichText {
    while (this.#stack.length > 1) this.#pop();
    return tidy(this.#root.children);
  }

  get #top(): Frame {
    return this.#stack.at(-1) ?? this.#root;
  }

  #inside(...tags: readonly string[]): boolean {
    return this.#stack.some((frame) => tags.includes(frame.tag));
  }

  #push(node: RichNode): void {
    const last = this.#top.children.at(-1);
    if (node.type === "text" && last?.type === "text") {
      this.#top.children[this.#top.children.length - 1] = { type: "text", text: last.text + node.text };
      return;
    }
    this.#nodes += 1;
    this.#top.children.push(node);
  }

  #text(raw: string): void {
    const pre = this.#inside("pre");
    const text = cleanText(pre ? raw : raw.replace(/[ \t\r\n\f]+/gu, " "));
    if (text === "") return;
    const plain = pre || this.#inside("code", "a") || this.#nodes >= NODES_MAX;
    for (const node of plain ? [{ type: "text", text } as const] : linkifyText(text)) this.#push(node);
  }

  #open(name: string, attributes: ReadonlyMap<string, string>): void {
    if (name === "br" || name === "hr") return this.#push(this.#inside("pre") ? { type: "text", text: "\n" } : { type: "break" });
    if (name === "img") {
      const label = cleanName(attributes.get("alt") ?? attributes.get("title") ?? "", 100);
      if (label !== "") this.#push({ type: "text", text: label });
      return;
    }
    if (!SIMPLE.has(name) && !OTHERS.has(name)) return;
    if (CLOSED_BY_SIBLING.has(name) && this.#top.tag === name) this.#pop();
    if (this.#stack.length > DEPTH_MAX || this.#nodes >= NODES_MAX) return;
    if (name === "a" && this.#inside("a")) return;
    this.#stack.push({ tag: name, children: [], attributes });
  }

  #close(name: string): void {
    const index = this.#stack.findLastIndex((frame) => frame.tag === name);
    if (index <= 0) return;
    while (this.#stack.length > index) this.#pop();
  }

  #pop(): void {
    const frame = this.#stack.pop();
    if (frame === undefined) return;
    for (const node of buildNodes(frame, this.#top.tag, this.#inside("pre"))) this.#push(node);
  }
}

function buildNodes(frame: Frame, parent: string, inPre: boolean): readonly RichNode[] {
  const { tag, attributes } = frame;
  if (tag === "pre") return [buildCodeBlock(frame)];
  // A code element inside pre tells the language only; it travels as a code node to the pre above it.
  if (tag === "code") return buildCode(frame, inPre);
  const children = tidy(frame.children);
  if (tag === "ul" || tag === "ol") return buildList(frame);
  if (tag === "li") return parent === "ul" || parent === "ol" ? [{ type: "paragraph", children }] : children;
  if (tag === "td" || tag === "th") return [...children, { type: "text", text: " \t" }];
  if (children.length === 0) return [];
  if (tag === "a") {
    const link = buildLinkNode(attributes.get("href") ?? "", children);
    return link === undefined ? children : [link];
  }
  if (tag === "span") return attributes.has("data-mx-spoiler") ? buildSpoiler(attributes.get("data-mx-spoiler") ?? "", children) : children;
  const heading = /^h([1-6])$/u.exec(tag);
  if (heading !== null) return [{ type: "heading", level: heading[1] === "1" ? 1 : heading[1] === "2" ? 2 : 3, children }];
  const simple = SIMPLE.get(tag);
  return simple === undefined ? children : [{ type: simple, children }];
}

function buildSpoiler(reason: string, children: RichText): readonly RichNode[] {
  const why = cleanName(reason, 100);
  const spoiler: RichNode = { type: "spoiler", children };
  return why === "" ? [spoiler] : [{ type: "text", text: `(${why}) ` }, spoiler];
}

function rawText(nodes: RichText): string {
  return nodes.map((node) => ("text" in node ? node.text : node.type === "break" ? "\n" : "children" in node ? rawText(node.children) : "")).join("");
}

function buildCode(frame: Frame, inPre: boolean): readonly RichNode[] {
  const text = rawText(frame.children);
  if (text === "") return [];
  if (!inPre) return [{ type: "code", text }];
  return [{ type: "code-block", language: LANGUAGE.exec(frame.attributes.get("class") ?? "")?.[1] ?? "", text }];
}

function buildCodeBlock(frame: Frame): RichNode {
  const inner = frame.children.find((node) => node.type === "code-block");
  const language = inner?.type === "code-block" ? inner.language : "";
  return { type: "code-block", language, text: rawText(frame.children).replace(/^\n|\n$/gu, "") };
}

function buildList(frame: Frame): readonly RichNode[] {
  const items: RichText[] = [];
  for (const child of frame.children) {
    if (child.type === "text" && child.text.trim() === "") continue;
    if (items.length >= LIST_ITEMS_MAX) break;
    items.push(child.type === "paragraph" ? child.children : [child]);
  }
  if (items.length === 0) return [];
  const start = Number.parseInt(frame.attributes.get("start") ?? "1", 10);
  const ordered = frame.tag === "ol";
  return [{ type: "list", ordered, start: ordered && start >= 0 && start <= 1_000_000 ? start : 1, items }];
}

/** Drops the white space that source formatting leaves around blocks and at both ends. */
function tidy(nodes: readonly RichNode[]): RichText {
  const isBlock = (node: RichNode | undefined): boolean => node === undefined || node.type === "break" || BLOCKS.has(node.type);
  const kept: RichNode[] = [];
  nodes.forEach((node, index) => {
    if (node.type !== "text") return void kept.push(node);
    let text = node.text;
    if (isBlock(nodes[index - 1]) && index > 0) text = text.replace(/^ +/u, "");
    if (isBlock(nodes[index + 1]) && index < nodes.length - 1) text = text.replace(/ +$/u, "");
    if (text !== "") kept.push({ type: "text", text });
  });
  return kept;
}
