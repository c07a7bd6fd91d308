import { Marked } from "marked";
import type { Token, Tokens } from "marked";
import { cleanName, cleanText } from "./bidi";
import { isUserId } from "./matrix_id";
import { DEPTH_MAX, NODES_MAX } from "./rich_text";
import type { RichNode, RichText } from "./rich_text";
import { buildLinkNode, linkifyText, parsePlain } from "./rich_text_build";
import { decodeEntities } from "./rich_text_html_tokens";

/** What fits an event of 64 KiB twice (as text and as HTML), encrypted and in base64. */
export const MARKDOWN_LENGTH_MAX = 16_000;

interface SpoilerToken extends Tokens.Generic {
  readonly type: "spoiler";
  readonly tokens: Token[];
}

const marked = new Marked({ gfm: true, breaks: true });
marked.use({
  extensions: [
    {
      name: "spoiler",
      level: "inline",
      start: (source: string) => {
        const at = source.indexOf("||");
        return at === -1 ? undefined : at;
      },
      tokenizer(source: string): Tokens.Generic | undefined {
        const found = /^\|\|(?!\s)([^\n]*?[^\s|])\|\|/u.exec(source);
        if (found === null) return undefined;
        return { type: "spoiler", raw: found[0], tokens: this.lexer.inlineTokens(found[1] ?? "") };
      },
    },
  ],
});

/**
 * What a person typed, as a tree: Markdown (GitHub's, line feeds kept, `||spoiler||`, `<u>`), addresses, and people. A person is written as a link to
 * matrix.to, which the composer inserts, or as a user ID that `mentions` lists.
 */
export function parseMarkdown(markdown: string, mentions: readonly string[] = []): RichText {
  const source = cleanText(markdown, MARKDOWN_LENGTH_MAX);
  const people = mentions.filter(isUserId);
  try {
    const writer = new Writer(people);
    return unwrapSingle(writer.blocks(marked.lexer(source), 0));
  } catch {
    // Pathological nesting exhausts the lexer's stack; the words matter more than their form.
    return parsePlain(source);
  }
}

/** True if the text says more with its Markdown than without. */
export function isFormatted(rich: RichText): boolean {
  return rich.some((node) => node.type !== "text" && node.type !== "break" && !(node.type === "link" && isBareLink(node)));
}

function isBareLink(node: RichNode & { readonly type: "link" }): boolean {
  const only = node.children[0];
  return node.children.length === 1 && only?.type === "text" && /^(?:https?:\/\/|www\.|mailto:)|^[^\s]+\.[^\s]+$/iu.test(only.text);
}

/** One paragraph alone is no paragraph. */
function unwrapSingle(rich: RichText): RichText {
  const only = rich[0];
  return rich.length === 1 && only?.type === "paragraph" ? only.children : rich;
}

class Writer {
  readonly #people: readonly string[];
  #nodes = 0;

  constructor(people: readonly string[]) {
    this.#people = people;
  }

  blocks(tokens: readonly Token[], depth: number): RichText {
    const nodes: RichNode[] = [];
    for (const token of tokens) {
      if (this.#isFull(depth)) nodes.push({ type: "text", text: token.raw });
      else nodes.push(...this.#block(token, depth));
    }
    return nodes;
  }

  #isFull(depth: number): boolean {
    this.#nodes += 1;
    return depth >= DEPTH_MAX - 2 || this.#nodes > NODES_MAX;
  }

  #block(token: Token, depth: number): RichText {
    switch (token.type) {
      case "space":
      case "def":
        return token.type === "def" ? this.#text(token.raw) : [];
      case "hr":
        return [{ type: "paragraph", children: [{ type: "text", text: "———" }] }];
      case "code":
        return [{ type: "code-block", language: /^[A-Za-z0-9+#._-]{1,30}/u.exec(token["lang"] ?? "")?.[0] ?? "", text: String(token["text"]) }];
      case "heading":
        return [{ type: "heading", level: token["depth"] === 1 ? 1 : token["depth"] === 2 ? 2 : 3, children: this.#inline(token.tokens ?? [], depth + 1) }];
      case "blockquote":
        return [{ type: "quote", children: unwrapSingle(this.blocks(token.tokens ?? [], depth + 1)) }];
      case "list":
        return [this.#list(token as Tokens.List, depth)];
      case "table":
        return this.#table(token as Tokens.Table, depth);
      case "html":
        return [{ type: "paragraph", children: this.#text(token.raw.trim()) }];
      case "paragraph":
        return [{ type: "paragraph", children: this.#inline(token.tokens ?? [], depth + 1) }];
      default:
        return this.#inline([token], depth);
    }
  }

  #list(list: Tokens.List, depth: number): RichNode {
    const items = list.items.map((item) => {
      const children = unwrapSingle(this.blocks(item.tokens.filter((token) => token.type !== "checkbox"), depth + 1));
      return item.task ? [{ type: "text", text: item.checked === true ? "☑ " : "☐ " } as const, ...children] : children;
    });
    return { type: "list", ordered: list.ordered, start: typeof list.start === "number" ? Math.min(list.start, 1_000_000) : 1, items };
  }

  #table(table: Tokens.Table, depth: number): RichText {
    return [table.header, ...table.rows].map((row) => ({
      type: "paragraph",
      children: row.flatMap((cell, index) => [...(index === 0 ? [] : [{ type: "text", text: " | " } as const]), ...this.#inline(cell.tokens, depth + 1)]),
    }));
  }

  #inline(tokens: readonly Token[], depth: number): RichText {
    const nodes: RichNode[] = [];
    for (let index = 0; index < tokens.length; index += 1) {
      const token = tokens[index];
      if (token === undefined) continue;
      const end = token.type === "html" && /^<u>$/iu.test(token.raw) ? tokens.findIndex((other, at) => at > index && /^<\/u>$/iu.test(other.raw)) : -1;
      if (end > index && !this.#isFull(depth)) {
        nodes.push({ type: "underline", children: this.#inline(tokens.slice(index + 1, end), depth + 1) });
        index = end;
      } else if (this.#isFull(depth)) nodes.push({ type: "text", text: token.raw });
      else nodes.push(...this.#inlineToken(token, depth));
    }
    return mergeTexts(nodes);
  }

  #inlineToken(token: Token, depth: number): RichText {
    const tokens = "tokens" in token ? (token.tokens ?? []) : [];
    const inner = (): RichText => this.#inline(tokens, depth + 1);
    switch (token.type) {
      case "strong":
        return [{ type: "bold", children: inner() }];
      case "em":
        return [{ type: "italic", children: inner() }];
      case "del":
        return [{ type: "strike", children: inner() }];
      case "spoiler":
        return [{ type: "spoiler", children: this.#inline((token as SpoilerToken).tokens, depth + 1) }];
      case "codespan":
        return [{ type: "code", text: decodeEntities(String(token["text"])) }];
      case "br":
        return [{ type: "break" }];
      case "link":
      case "image":
        return this.#link(token as Tokens.Link, depth);
      case "text":
        return tokens.length > 0 ? inner() : this.#text(decodeEntities(String(token["text"])));
      case "escape":
        return [{ type: "text", text: String(token["text"]) }];
      default:
        return this.#text(token.raw);
    }
  }

  #link(token: Tokens.Link, depth: number): RichText {
    const children = this.#inlineInLink(token, depth);
    const node = buildLinkNode(token.href, children);
    return node === undefined ? this.#text(token.raw) : [node];
  }

  #inlineInLink(token: Tokens.Link, depth: number): RichText {
    // Text of a link holds no links of its own.
    return this.#inline(token.tokens ?? [], depth + 1).map((node) => (node.type === "link" || node.type === "mention" || node.type === "room-link" ? ({ type: "text", text: token.text } as const) : node));
  }

  /** Finds addresses and the people of `mentions` in a piece of text. */
  #text(text: string): RichText {
    const person = this.#people.map((userId) => ({ userId, at: indexOfId(text, userId) })).filter(({ at }) => at !== -1).sort((a, b) => a.at - b.at)[0];
    if (person === undefined) return linkifyText(text).flatMap((node) => (node.type === "text" ? splitBreaks(node.text) : [node]));
    const before = text.slice(0, person.at);
    const after = text.slice(person.at + person.userId.length);
    return [...this.#text(before), { type: "mention", userId: person.userId, name: cleanName(person.userId) }, ...this.#text(after)];
  }
}

/** Where the whole ID stands, not the beginning of a longer one ("@ali:example.org" in "@ali:example.org.evil"). */
function indexOfId(text: string, userId: string): number {
  for (let at = text.indexOf(userId); at !== -1; at = text.indexOf(userId, at + 1)) {
    if (!/^(?:[\p{L}\p{N}_-]|[.:][\p{L}\p{N}])/u.test(text.slice(at + userId.length, at + userId.length + 2))) return at;
  }
  return -1;
}

function mergeTexts(nodes: RichText): RichText {
  const merged: RichNode[] = [];
  for (const node of nodes) {
    const last = merged.at(-1);
    if (node.type === "text" && last?.type === "text") merged[merged.length - 1] = { type: "text", text: last.text + node.text };
    else merged.push(node);
  }
  return merged;
}

function splitBreaks(text: string): RichText {
  return text.split("\n").flatMap((line, index) => [...(index === 0 ? [] : [{ type: "break" } as const]), ...(line === "" ? [] : [{ type: "text", text: line } as const])]);
}
