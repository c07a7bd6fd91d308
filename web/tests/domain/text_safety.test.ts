import { describe, expect, it } from "vitest";
import { cleanFileName, cleanName, cleanText, COMBINING_MARKS_MAX, FILE_NAME_LENGTH_MAX, fileExtension, firstDirection, isolate, NAME_LENGTH_MAX, truncate } from "@/domain/bidi";
import { displayHost, displayHref, findLinks, HREF_LENGTH_MAX, isDeceptive, LINKS_MAX, safeHref } from "@/domain/links";
import { decodePunycode } from "@/domain/links_punycode";
import { buildLink, buildMatrixTo, buildRoute, LINK_LENGTH_MAX, parseMatrixLink, parseScanned, VIA_MAX } from "@/domain/invite_link";
import { IDENTIFIER_LENGTH_MAX, isEventId, isRoomAlias, isRoomId, isUserId, localpart, serverOf } from "@/domain/matrix_id";

describe("names and texts", () => {
  it("neutralises direction controls", () => {
    expect(cleanFileName("photo\u202Egpj.exe")).toBe("photogpj.exe");
    expect(fileExtension(cleanFileName("photo\u202Egpj.exe"))).toBe("exe");
    expect(cleanName("\u2067evil\u2069\u200F")).toBe("evil");
    expect(cleanText("a\u202Db\u2066c\u0000\u0007")).toBe("abc");
    expect(isolate("a\u202Eb")).toBe("\u2068ab\u2069");
  });

  it("keeps what people need: emoji, Persian joiners, vowels, flags", () => {
    for (const text of ["👩‍👩‍👧‍👦", "می‌خواهم", "بِسْمِ ٱللَّهِ", "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}", "👋🏽", "❤️", "👁️‍🗨️"]) {
      expect(cleanName(text)).toBe(text);
      expect(cleanText(text)).toBe(text);
    }
  });

  it("leaves nothing of names that cannot be seen", () => {
    for (const text of ["\u200B\u200B", "\u3164", "  \n ", "\u2800", "\u200D", "\uFEFF\u00AD", "\u{E0041}\u{E0042}"]) expect(cleanName(text)).toBe("");
  });

  it("bounds piles of marks, lengths and never cuts a character", () => {
    expect(cleanText(`a${"\u0301".repeat(50)}`)).toHaveLength(1 + COMBINING_MARKS_MAX);
    expect(cleanName("x".repeat(NAME_LENGTH_MAX + 1))).toHaveLength(NAME_LENGTH_MAX);
    expect(cleanName("x".repeat(NAME_LENGTH_MAX))).toHaveLength(NAME_LENGTH_MAX);
    expect(truncate("ab😀", 3)).toBe("ab");
    expect(truncate("ab😀", 4)).toBe("ab😀");
    expect(cleanText("\uD800x")).toBe("\uFFFDx");
  });

  it("gives file names that are only names", () => {
    expect(cleanFileName("../../etc/passwd")).toBe("_.._etc_passwd");
    expect(cleanFileName("C:\\a\\b?.txt")).toBe("C__a_b_.txt");
    const long = cleanFileName(`${"n".repeat(500)}.pdf`);
    expect(long.length).toBeLessThanOrEqual(FILE_NAME_LENGTH_MAX);
    expect(fileExtension(long)).toBe("pdf");
  });

  it("knows the direction of a text", () => {
    expect(firstDirection("123 مرحبا hello")).toBe("rtl");
    expect(firstDirection("😀 hello مرحبا")).toBe("ltr");
    expect(firstDirection("123 !")).toBeUndefined();
  });
});

describe("links", () => {
  it("finds addresses, bare ones with known endings too", () => {
    const hrefs = (text: string): readonly string[] => findLinks(text).map((link) => link.href);
    expect(hrefs("see example.com, www.example.org/x and a@example.net")).toEqual(["https://example.com/", "https://www.example.org/x", "mailto:a@example.net"]);
    expect(hrefs("زوروا https://ar.wikipedia.org/wiki/زاجل الآن")).toEqual(["https://ar.wikipedia.org/wiki/%D8%B2%D8%A7%D8%AC%D9%84"]);
    expect(hrefs("main.py README.md 3.14 a.b")).toEqual([]);
    expect(hrefs("ftp://example.com/x javascript:alert(1)")).not.toContain("javascript:alert(1)");
    expect(hrefs("https://a.example ".repeat(LINKS_MAX + 5))).toHaveLength(LINKS_MAX);
  });

  it("lets only safe addresses through", () => {
    expect(safeHref("https://user:pw@example.org/")).toBe("https://example.org/");
    expect(safeHref("HTTPS://EXAMPLE.org")).toBe("https://example.org/");
    expect(safeHref(`https://example.org/${"a".repeat(HREF_LENGTH_MAX - 20)}`)).toBeDefined();
    for (const href of ["javascript:x", "//example.org", "/x", "https://", "https://e\u202Example.org", "mailto:", "mailto:x", `https://example.org/${"a".repeat(HREF_LENGTH_MAX)}`, "tel:1"]) expect(safeHref(href)).toBeUndefined();
    expect(safeHref("mailto:a@b.example?bcc=c@d.example")).toBe("mailto:a@b.example");
  });

  it("shows hosts honestly", () => {
    expect(displayHost("https://موقع.مثال/")).toBe("موقع.مثال");
    expect(displayHost("https://münchen.example:8443/")).toBe("münchen.example:8443");
    expect(displayHost("https://раураl.com/")).toMatch(/^xn--/u);
    expect(displayHost("https://аррӏе.com/")).toMatch(/^xn--/u);
    expect(displayHref("https://example.org/a%20b?c")).toBe("example.org/a b?c");
    expect(displayHref(`https://example.org/${"x".repeat(200)}`)).toHaveLength(80);
    expect(decodePunycode("mgbh0fb")).toBe("مثال");
    expect(decodePunycode("!!é")).toBeUndefined();
  });

  it("notices deceptive texts", () => {
    expect(isDeceptive("https://bank.example", "https://evil.example/")).toBe(true);
    expect(isDeceptive("bank.example", "https://bank.example.evil.example/")).toBe(true);
    expect(isDeceptive("www.bank.example/x", "https://bank.example/y")).toBe(false);
    expect(isDeceptive("our page", "https://evil.example/")).toBe(false);
    expect(isDeceptive("موقع.مثال", "https://xn--4gbrim.xn--mgbh0fb/")).toBe(false);
  });
});

describe("matrix links", () => {
  const cases = [
    { kind: "user", userId: "@ali:example.org" },
    { kind: "room", room: "#souk:example.org", via: [] },
    { kind: "room", room: "!a/b:example.org", via: ["example.org"], eventId: "$e/v" },
    { kind: "invite", room: "!noserver", via: ["a.example", "b.example:8448"], token: "t-0.K_~" },
    { kind: "invite", room: "#سوق:example.org", via: [] },
  ] as const;

  it.each(cases)("comes back from a link: %j", (target) => {
    expect(parseMatrixLink(buildLink("https://chat.example/app/#/x", target))).toEqual(target);
    expect(parseMatrixLink(buildRoute(target))).toEqual(target);
    if (target.kind !== "invite") expect(parseMatrixLink(buildMatrixTo(target))).toEqual(target);
  });

  it("understands other clients' links", () => {
    expect(parseMatrixLink("https://matrix.to/#/#souk:example.org")).toEqual(cases[1]);
    expect(parseMatrixLink("matrix:u/ali:example.org")).toEqual(cases[0]);
    expect(parseMatrixLink("matrix:r/souk:example.org?action=join")).toEqual(cases[1]);
    expect(parseMatrixLink("matrix:roomid/x:example.org/e/ev?via=example.org")).toEqual({ kind: "room", room: "!x:example.org", via: ["example.org"], eventId: "$ev" });
    expect(parseScanned(" @ali:example.org\n")).toEqual(cases[0]);
  });

  it("refuses what is none, and bounds what is one", () => {
    for (const link of ["https://example.org", "matrix:x/y", "#/invite/@ali:example.org", "#/user/!a:b.example", "https://matrix.to/#/%E0%A4%A", "javascript:#/user/@a:b", `#/user/@${"a".repeat(LINK_LENGTH_MAX)}:b.example`]) expect(parseMatrixLink(link)).toBeUndefined();
    const many = parseMatrixLink(`#/invite/!a:b.example?${Array.from({ length: 20 }, (_, n) => `via=s${n}.example`).join("&")}&via=bad/host&token=<x>`);
    expect(many).toEqual({ kind: "invite", room: "!a:b.example", via: ["s0.example", "s1.example", "s2.example", "s3.example", "s4.example"] });
    expect(VIA_MAX).toBe(5);
  });

  it("checks identifiers at their limits", () => {
    const long = `@${"a".repeat(IDENTIFIER_LENGTH_MAX - 3)}:b`;
    expect(isUserId(long)).toBe(true);
    expect(isUserId(`${long}c`)).toBe(false);
    for (const id of ["@ali", "ali:b", "@a:b c", "@a\u202E:b", "@a:", "@:"]) expect(isUserId(id)).toBe(false);
    expect(isRoomId("!v12roomwithoutserver")).toBe(true);
    expect(isRoomAlias("#:b")).toBe(false);
    expect(isEventId("$x")).toBe(true);
    expect([localpart("@ali:b:80"), serverOf("@ali:b:80")]).toEqual(["ali", "b:80"]);
  });
});
