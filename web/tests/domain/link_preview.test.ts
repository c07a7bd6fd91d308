import { expect, test } from "vitest";
import { firstLink, parseLinkPreview } from "@/domain/link_preview";
import { parseMarkdown } from "@/domain/markdown";
import { openLinks } from "@/domain/rich_links";

test("a page's own words are bounded and of one line", () => {
  expect(parseLinkPreview({ "og:title": "A\u202Etitle\n", "og:description": "two\n lines", "og:site_name": "Site", "og:image": "mxc://server/abc", "og:image:width": 4, "og:image:height": "3" })).toMatchObject({
    description: "two lines", site: "Site", picture: { source: { mxc: "mxc://server/abc" }, width: 4, height: 0 },
  });
  expect(parseLinkPreview({ "og:title": "x".repeat(9_999) })!.title.length).toBeLessThanOrEqual(200);
  expect(parseLinkPreview({ "og:title": "A\u202Etitle" })!.title).not.toContain("\u202E");
  expect(parseLinkPreview({ "og:title": "t", "og:image": "https://elsewhere/pixel.gif" })).not.toHaveProperty("picture");
  for (const nothing of [null, 7, "x", [], {}, { "og:title": 7 }, { "og:image": "mxc://a/b" }]) expect(parseLinkPreview(nothing)).toBeUndefined();
});

test("the first open link of a text is its page", () => {
  expect(firstLink(parseMarkdown("see **https://example.org/a** and https://example.org/b", []))).toBe("https://example.org/a");
  expect(firstLink(parseMarkdown("no link, mail me@example.org", []))).toBeUndefined();
  expect(firstLink([{ type: "spoiler", children: [{ type: "link", href: "https://hidden.example", children: [] }] }])).toBeUndefined();
  expect(firstLink([{ type: "list", ordered: false, start: 1, items: [[{ type: "text", text: "a" }], [{ type: "link", href: "https://in.example", children: [] }]] }])).toBe("https://in.example");
});

test("all that a text leads to is found, in words and lists too, but not behind a spoiler", () => {
  expect([...openLinks(parseMarkdown("See the [route](https://example.org/route):\n- https://example.org/rest\n- ||https://example.org/hidden||\n\nme@example.org", []))]).toEqual(["https://example.org/route", "https://example.org/rest", "mailto:me@example.org"]);
  expect([...openLinks(parseMarkdown("nothing", []))]).toEqual([]);
});
