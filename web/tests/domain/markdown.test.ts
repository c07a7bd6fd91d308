import { describe, expect, it } from "vitest";
import { isFormatted, MARKDOWN_LENGTH_MAX, parseMarkdown } from "@/domain/markdown";
import { parseHtml } from "@/domain/rich_text_html";
import { findMentions, richTextToPlain } from "@/domain/rich_text_plain";
import { writeHtml, writeMarkdown } from "@/domain/rich_text_write";

const ALI = "@ali:example.org";

describe("parseMarkdown", () => {
  it("formats", () => {
    expect(writeHtml(parseMarkdown("**bold** *it* ~~no~~ `a<b` ||secret|| <u>under</u>"))).toBe(
      "<strong>bold</strong> <em>it</em> <del>no</del> <code>a&lt;b</code> <span data-mx-spoiler>secret</span> <u>under</u>",
    );
    expect(writeHtml(parseMarkdown("مرحبا **يا علي**\nكيف الحال"))).toBe("مرحبا <strong>يا علي</strong><br>كيف الحال");
    expect(writeHtml(parseMarkdown("- a\n- b\n  - c"))).toBe("<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>");
    expect(writeHtml(parseMarkdown("3. a\n4. b"))).toBe('<ol start="3"><li>a</li><li>b</li></ol>');
    expect(writeHtml(parseMarkdown("```ts\nlet a = 1 < 2;\n```"))).toBe('<pre><code class="language-ts">let a = 1 &lt; 2;\n</code></pre>');
    expect(writeHtml(parseMarkdown("> q\n\nrest"))).toBe("<blockquote>q</blockquote><p>rest</p>");
  });

  it("never lets HTML through", () => {
    for (const source of ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "a <b onclick=x>c</b>", "[x](javascript:alert(1))", "<a href='javascript:x'>y</a>", "![x](data:text/html,y)"]) {
      const html = writeHtml(parseMarkdown(source));
      expect(html).not.toMatch(/<(?!\/?(?:p|br|strong|em)\b)/u);
      expect(html).not.toContain("href=\"javascript");
    }
  });

  it("finds people, by link and by listed ID", () => {
    expect(parseMarkdown(`hi [Ali](https://matrix.to/#/${ALI})!`)).toEqual([{ type: "text", text: "hi " }, { type: "mention", userId: ALI, name: "Ali" }, { type: "text", text: "!" }]);
    expect(findMentions(parseMarkdown(`hi ${ALI}, and ${ALI}.evil`, [ALI]))).toEqual([ALI]);
    expect(richTextToPlain(parseMarkdown(`x ${ALI}.evil`, [ALI]))).toBe(`x ${ALI}.evil`);
    expect(findMentions(parseMarkdown(`hi ${ALI}`))).toEqual([]);
  });

  it("tells whether formatting adds anything", () => {
    expect(isFormatted(parseMarkdown("plain\nlines https://example.org"))).toBe(false);
    expect(isFormatted(parseMarkdown("a **b**"))).toBe(true);
    expect(isFormatted(parseMarkdown("[text](https://example.org)"))).toBe(true);
  });

  it.each(["**", "[", "![", "> ", "- ", "`", "||", "<u>", "*a ", "_", "[a](", "|a|\n|-|\n", "<", "&", "1. ", "    "])("survives a page of %s", (piece) => {
    const rich = parseMarkdown(piece.repeat(MARKDOWN_LENGTH_MAX));
    expect(richTextToPlain(rich).length).toBeLessThanOrEqual(MARKDOWN_LENGTH_MAX * 4);
    expect(writeHtml(rich)).toBeTypeOf("string");
  });

  it.each([
    "plain", "**b** and *i*", "a\nb", "- x\n- y", "1. x\n2. y", "# h", "> quoted", "`code`", "```js\na\n```", "||s||", "<u>u</u>", `[Ali](https://matrix.to/#/%40ali%3Aexample.org)`,
    "https://example.org/a_b_c", "[t](https://example.org/)", "2 \\* 3 \\* 4", "p1\n\np2", "\\# no heading", "- a\n  - b\n- c", "**مهم** جدا",
  ])("comes back from Markdown and from HTML: %s", (source) => {
    const rich = parseMarkdown(source);
    expect(parseMarkdown(writeMarkdown(rich))).toEqual(rich);
    expect(richTextToPlain(parseHtml(writeHtml(rich)))).toBe(richTextToPlain(rich));
  });
});
