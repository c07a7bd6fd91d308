import { buildMatrixTo, parseMatrixLink } from "./invite_link";
import type { RichNode, RichText } from "./rich_text";
import { encodeEntities } from "./rich_text_html_tokens";

/** The tree as `formatted_body`: only elements and attributes of the specification's subset, all text escaped. */
export function writeHtml(rich: RichText): string {
  return rich.map(writeNodeHtml).join("");
}

const HTML_TAGS = { bold: "strong", italic: "em", strike: "del", underline: "u", quote: "blockquote", paragraph: "p" } as const;

function writeNodeHtml(node: RichNode): string {
  switch (node.type) {
    case "text":
      return encodeEntities(node.text);
    case "break":
      return "<br>";
    case "code":
      return `<code>${encodeEntities(node.text)}</code>`;
    case "code-block":
      return `<pre><code${node.language === "" ? "" : ` class="language-${encodeEntities(node.language)}"`}>${encodeEntities(node.text)}\n</code></pre>`;
    case "heading":
      return `<h${node.level}>${writeHtml(node.children)}</h${node.level}>`;
    case "spoiler":
      return `<span data-mx-spoiler>${writeHtml(node.children)}</span>`;
    case "list": {
      const items = node.items.map((item) => `<li>${writeHtml(item)}</li>`).join("");
      if (!node.ordered) return `<ul>${items}</ul>`;
      return `<ol${node.start === 1 ? "" : ` start="${node.start}"`}>${items}</ol>`;
    }
    case "link":
      return `<a href="${encodeEntities(node.href)}">${writeHtml(node.children)}</a>`;
    case "mention":
      return `<a href="${encodeEntities(buildMatrixTo({ kind: "user", userId: node.userId }))}">${encodeEntities(node.name)}</a>`;
    case "room-link":
      return `<a href="${encodeEntities(roomHref(node.target))}">${encodeEntities(node.name)}</a>`;
    default:
      return `<${HTML_TAGS[node.type]}>${writeHtml(node.children)}</${HTML_TAGS[node.type]}>`;
  }
}

function roomHref(route: string): string {
  const target = parseMatrixLink(route);
  return target === undefined ? route : buildMatrixTo(target);
}

/** The tree as Markdown, so that a message can be edited in the composer again. */
export function writeMarkdown(rich: RichText): string {
  return writeMarkdownNodes(rich, "").replace(/\n{3,}/gu, "\n\n").replace(/^\n+|\s+$/gu, "");
}

const MARKS = { bold: "**", italic: "*", strike: "~~", spoiler: "||" } as const;
const BLOCKS: ReadonlySet<RichNode["type"]> = new Set(["paragraph", "quote", "heading", "code-block", "list"]);

function writeMarkdownNodes(rich: RichText, indent: string): string {
  let out = "";
  rich.forEach((node, index) => {
    if (BLOCKS.has(node.type)) out += `${index === 0 || out.endsWith("\n\n") ? "" : node.type === "list" && indent !== "" ? "\n" : "\n\n"}${writeNodeMarkdown(node, indent)}${index === rich.length - 1 ? "" : "\n\n"}`;
    else out += writeNodeMarkdown(node, indent);
  });
  return out;
}

function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_~[\]<]|\|\|/gu, (mark) => [...mark].map((letter) => `\\${letter}`).join("")).replace(/^(\s*)([#>+-]|\d{1,9}[.)])(?=\s)/gmu, "$1\\$2");
}

function prefixLines(text: string, prefix: string): string {
  return text.split("\n").map((line) => prefix + line).join("\n");
}

function writeNodeMarkdown(node: RichNode, indent: string): string {
  switch (node.type) {
    case "text":
      return escapeMarkdown(node.text);
    case "break":
      return `\n${indent}`;
    case "code": {
      const fence = node.text.includes("`") ? "``" : "`";
      return fence.length === 2 ? `${fence} ${node.text} ${fence}` : fence + node.text + fence;
    }
    case "code-block":
      return `\`\`\`${node.language}\n${node.text}\n\`\`\``;
    case "heading":
      return `${"#".repeat(node.level)} ${writeMarkdownNodes(node.children, indent)}`;
    case "quote":
      return prefixLines(writeMarkdown(node.children), "> ");
    case "list":
      return node.items.map((item, index) => {
        const bullet = node.ordered ? `${node.start + index}. ` : "- ";
        return indent + bullet + writeMarkdownNodes(item, indent + " ".repeat(bullet.length));
      }).join("\n");
    case "link":
      return writeLink(node.href, node.children, indent);
    case "mention":
      return `[${escapeMarkdown(node.name)}](${buildMatrixTo({ kind: "user", userId: node.userId })})`;
    case "room-link":
      return `[${escapeMarkdown(node.name)}](${roomHref(node.target)})`;
    case "underline":
      return `<u>${writeMarkdownNodes(node.children, indent)}</u>`;
    case "paragraph":
      return writeMarkdownNodes(node.children, indent);
    default:
      return MARKS[node.type] + writeMarkdownNodes(node.children, indent) + MARKS[node.type];
  }
}

function writeLink(href: string, children: RichText, indent: string): string {
  const only = children[0];
  const text = children.length === 1 && only?.type === "text" ? only.text : undefined;
  if (text !== undefined && (href === text || href === `${text}/` || href === `https://${text}` || href === `https://${text}/` || href === `mailto:${text}`)) return text;
  return `[${writeMarkdownNodes(children, indent)}](${href.replace(/[()]/gu, (mark) => (mark === "(" ? "%28" : "%29"))})`;
}
