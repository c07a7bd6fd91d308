import { describe, expect, it } from "vitest";
import { DEPTH_MAX, NODES_MAX } from "@/domain/rich_text";
import type { RichNode, RichText } from "@/domain/rich_text";
import { LINES_MAX, parsePlain } from "@/domain/rich_text_build";
import { LIST_ITEMS_MAX, parseHtml } from "@/domain/rich_text_html";
import { HTML_LENGTH_MAX } from "@/domain/rich_text_html_tokens";
import { findMentions, richTextToPlain } from "@/domain/rich_text_plain";

function depthOf(rich: RichText): number {
  const below = (node: RichNode): number => (node.type === "list" ? Math.max(0, ...node.items.map(depthOf)) : "children" in node ? depthOf(node.children) : 0);
  return rich.length === 0 ? 0 : 1 + Math.max(...rich.map(below));
}

function countNodes(rich: RichText): number {
  return rich.reduce((sum, node) => sum + 1 + (node.type === "list" ? node.items.reduce((all, item) => all + countNodes(item), 0) : "children" in node ? countNodes(node.children) : 0), 0);
}

describe("parseHtml", () => {
  it("understands the specification's subset", () => {
    expect(parseHtml("<p>Hello <strong>big <em>world</em></strong></p>")).toEqual([
      { type: "paragraph", children: [{ type: "text", text: "Hello " }, { type: "bold", children: [{ type: "text", text: "big " }, { type: "italic", children: [{ type: "text", text: "world" }] }] }] },
    ]);
    expect(parseHtml("a<br/>b<u>c</u><del>d</del>")).toEqual([
      { type: "text", text: "a" }, { type: "break" }, { type: "text", text: "b" },
      { type: "underline", children: [{ type: "text", text: "c" }] }, { type: "strike", children: [{ type: "text", text: "d" }] },
    ]);
    expect(parseHtml("<h1>A</h1>\n<h5>B</h5>")).toEqual([
      { type: "heading", level: 1, children: [{ type: "text", text: "A" }] }, { type: "heading", level: 3, children: [{ type: "text", text: "B" }] },
    ]);
  });

  it("keeps lists, their start, and items without end tags", () => {
    expect(parseHtml('<ol start="3">\n<li>x</li>\n<li>y<ul><li>z</li></ul></li>\n</ol>')).toEqual([
      { type: "list", ordered: true, start: 3, items: [[{ type: "text", text: "x" }], [{ type: "text", text: "y" }, { type: "list", ordered: false, start: 1, items: [[{ type: "text", text: "z" }]] }]] },
    ]);
    expect(parseHtml("<ul><li>a<li>b</ul>")).toEqual([{ type: "list", ordered: false, start: 1, items: [[{ type: "text", text: "a" }], [{ type: "text", text: "b" }]] }]);
  });

  it("keeps code as it is, with its language", () => {
    expect(parseHtml('<pre><code class="language-ts">if (a &lt; b)\n  c();\n</code></pre>')).toEqual([{ type: "code-block", language: "ts", text: "if (a < b)\n  c();" }]);
    expect(parseHtml("<code>example.com</code>")).toEqual([{ type: "code", text: "example.com" }]);
  });

  it("covers spoilers", () => {
    const rich = parseHtml('He is <span data-mx-spoiler="film">the killer</span>');
    expect(rich).toEqual([{ type: "text", text: "He is (film) " }, { type: "spoiler", children: [{ type: "text", text: "the killer" }] }]);
    expect(richTextToPlain(rich, false)).not.toContain("killer");
  });

  it("turns matrix.to links into mentions and ways into chats", () => {
    const rich = parseHtml('<a href="https://matrix.to/#/@ali:example.org">Ali</a> in <a href="https://matrix.to/#/%23souk:example.org">the souk</a>');
    expect(rich[0]).toEqual({ type: "mention", userId: "@ali:example.org", name: "Ali" });
    expect(rich[2]).toEqual({ type: "room-link", target: "#/room/%23souk%3Aexample.org", name: "the souk" });
    expect(findMentions(rich)).toEqual(["@ali:example.org"]);
  });

  it.each([
    "<script>alert(1)</script>", "<style>p{}</style>", "<svg><svg></svg><a href='x'>alert</a></svg>", "<iframe src='//x'>alert</iframe>", "<script>alert",
    "<ScRiPt >alert</sCrIpT >", "<mx-reply><blockquote>alert</blockquote></mx-reply>", "<!-- alert -->", "<!doctype alert>", "<img src=x onerror=alert(1)>",
  ])("drops %s with its content", (html) => {
    expect(JSON.stringify(parseHtml(`ok${html}`))).not.toContain("alert");
    expect(richTextToPlain(parseHtml(`ok${html}`))).toBe("ok");
  });

  it.each(["javascript:alert(1)", "java\nscript:alert(1)", "data:text/html,x", "vbscript:x", "/relative", "file:///etc/passwd", " javascript:alert(1)", "blob:https://x/y"])("makes no link to %s", (href) => {
    expect(JSON.stringify(parseHtml(`<a href="${href}">press</a>`))).not.toContain('"link"');
  });

  it("shows where a link that claims another host really goes", () => {
    expect(parseHtml('<a href="https://evil.example/login">https://bank.example/login</a>')).toEqual([
      { type: "link", href: "https://evil.example/login", children: [{ type: "text", text: "evil.example/login" }] },
    ]);
    expect(parseHtml('<a href="https://bank.example/x">bank.example</a>')[0]).toMatchObject({ children: [{ type: "text", text: "bank.example" }] });
    expect(parseHtml('<a href="https://evil.example/">press here</a>')[0]).toMatchObject({ children: [{ type: "text", text: "press here" }] });
  });

  it("leaves text that only looks like markup", () => {
    expect(richTextToPlain(parseHtml("1 < 2 and 3 > 2 &amp; <3 &#x1F600; &bogus;"))).toBe("1 < 2 and 3 > 2 & <3 😀 &bogus;");
    expect(richTextToPlain(parseHtml("<unknown>kept</unknown></b></p>"))).toBe("kept");
  });

  it("bounds depth, nodes and size", () => {
    expect(depthOf(parseHtml("<b>".repeat(5_000) + "x"))).toBeLessThanOrEqual(DEPTH_MAX + 1);
    expect(depthOf(parseHtml("<ul><li>".repeat(3_000) + "x"))).toBeLessThanOrEqual(DEPTH_MAX + 1);
    expect(countNodes(parseHtml("<b>x</b>".repeat(6_000)))).toBeLessThanOrEqual(NODES_MAX + 2);
    expect(richTextToPlain(parseHtml("x".repeat(HTML_LENGTH_MAX + 10))).length).toBe(HTML_LENGTH_MAX);
    const items = parseHtml(`<ul>${"<li>x</li>".repeat(LIST_ITEMS_MAX + 1)}</ul>`)[0];
    expect(items?.type === "list" && items.items.length).toBe(LIST_ITEMS_MAX);
  });

  it.each(["<", "<a ", "<a b=", "<!--", "</", "<b", "<a href='", "&#", "<svg>", "<p>", "<pre><code>", "<a/a", "\u202E<b>"])("takes 64 KiB of %s", (piece) => {
    const rich = parseHtml(piece.repeat(Math.floor(HTML_LENGTH_MAX / piece.length)));
    expect(richTextToPlain(rich).length).toBeLessThanOrEqual(HTML_LENGTH_MAX);
    expect(countNodes(rich)).toBeLessThanOrEqual(NODES_MAX + 2);
  });
});

describe("parsePlain", () => {
  it("finds lines and addresses", () => {
    expect(parsePlain("see https://example.org/a.\nnext")).toEqual([
      { type: "text", text: "see " }, { type: "link", href: "https://example.org/a", children: [{ type: "text", text: "https://example.org/a" }] }, { type: "text", text: "." },
      { type: "break" }, { type: "text", text: "next" },
    ]);
  });

  it("finds our own and matrix.to links", () => {
    expect(parsePlain("https://chat.example/#/invite/!abc:example.org?via=example.org&token=t0k")).toEqual([
      { type: "room-link", target: "#/invite/!abc%3Aexample.org?via=example.org&token=t0k", name: "!abc:example.org" },
    ]);
  });

  it("bounds the nodes that line feeds make", () => {
    expect(parsePlain("\n".repeat(60_000)).length).toBeLessThanOrEqual(LINES_MAX * 2 + 1);
    expect(richTextToPlain(parsePlain("a\n\nb"))).toBe("a\n\nb");
  });
});
