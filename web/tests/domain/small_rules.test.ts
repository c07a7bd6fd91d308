import { describe, expect, it } from "vitest";
import { buildVcard, CARDS_MAX, parseVcards, VALUES_MAX } from "@/domain/contact";
import { countdownStepMs, DISAPPEAR_CHOICES_S, DISAPPEAR_S_LONGEST, expiryOf, isExpired, nearestChoice, nextExpiry, viewOnceState } from "@/domain/disappearing";
import { bearingDegrees, buildGeoUri, distanceM, formatDecimal, GEO_URI_LENGTH_MAX, parseGeoUri, toSexagesimal } from "@/domain/location";
import { buildMentionIndex, MENTIONS_SHOWN_MAX } from "@/domain/mentions";

describe("disappearing messages", () => {
  it("go after their time, never later than the device allows", () => {
    expect([DISAPPEAR_CHOICES_S[1], DISAPPEAR_CHOICES_S.at(-1)]).toEqual([30, 90 * 86_400]);
    expect(expiryOf(1_000, 30)).toBe(31_000);
    expect(expiryOf(1_000, 0)).toBeUndefined();
    expect(expiryOf(1_000, -5)).toBeUndefined();
    expect(expiryOf(9e12, 30, 1_000)).toBe(31_000);
    expect(expiryOf(0, 1e12)).toBe(DISAPPEAR_S_LONGEST * 1_000);
    expect([isExpired(5, 4), isExpired(5, 5), isExpired(undefined, 9)]).toEqual([false, true, false]);
    expect(nextExpiry([undefined, 9, 3, 7], 3)).toBe(7);
    expect(nextExpiry([], 0)).toBeUndefined();
  });

  it("offer the nearest choice for other clients' times", () => {
    expect([0, 1, 29, 40, 100_000, 1e9].map(nearestChoice)).toEqual([0, 30, 30, 30, 86_400, 7_776_000]);
    expect([59_000, 61_000, 3_700_000].map(countdownStepMs)).toEqual([1_000, 60_000, 3_600_000]);
    expect([viewOnceState({ isOwn: true }), viewOnceState({ isOwn: false }), viewOnceState({ isOwn: false, viewedAt: 1 })]).toEqual(["sent", "sealed", "opened"]);
  });
});

describe("places", () => {
  it("are read from geo: URIs and nothing else", () => {
    expect(parseGeoUri("geo:24.7136,46.6753;u=35")).toEqual({ latitude: 24.7136, longitude: 46.6753, uncertaintyM: 35 });
    expect(parseGeoUri("GEO:-90,180,12;crs=wgs84;u=1.5")).toEqual({ latitude: -90, longitude: 180, uncertaintyM: 1.5 });
    for (const uri of ["geo:90.1,0", "geo:0,180.1", "geo:1", "geo:1,2;crs=moon", "geo:NaN,1", "geo:1e1,2", "https://x", "geo:1,2<b>", `geo:1,2;${"x".repeat(GEO_URI_LENGTH_MAX)}`]) expect(parseGeoUri(uri)).toBeUndefined();
  });

  it("are written and shown", () => {
    expect(buildGeoUri({ latitude: 1.23456789, longitude: -2, uncertaintyM: 3.4 })).toBe("geo:1.234568,-2;u=3");
    expect(formatDecimal({ latitude: 24.7136, longitude: -46.6 })).toBe("24.71360, -46.60000");
    expect(toSexagesimal(24.7136, "latitude")).toEqual({ degrees: 24, minutes: 42, seconds: 49, side: "north" });
    expect(toSexagesimal(-0.99999, "longitude")).toEqual({ degrees: 1, minutes: 0, seconds: 0, side: "west" });
    const riyadh = { latitude: 24.7136, longitude: 46.6753 };
    const cairo = { latitude: 30.0444, longitude: 31.2357 };
    expect(distanceM(riyadh, cairo) / 1_000).toBeCloseTo(1_634, -1);
    expect(bearingDegrees(riyadh, cairo)).toBeGreaterThan(290);
    expect(bearingDegrees({ latitude: 0, longitude: 0 }, { latitude: 0, longitude: 1 })).toBeCloseTo(90);
  });
});

describe("contact cards", () => {
  it("come back from a vCard", () => {
    const card = { name: "علي, بن; سالم\\", userId: "@ali:example.org:8448", phones: ["+966 5"], emails: ["a@b.example"], note: "first\nsecond" };
    const text = buildVcard(card);
    expect(parseVcards(text)).toEqual([card]);
    expect(Math.max(...text.split("\r\n").map((line) => new TextEncoder().encode(line).length))).toBeLessThanOrEqual(75);
    expect(parseVcards(buildVcard({ ...card, note: "ملاحظة طويلة ".repeat(40).trim() }))[0]?.note).toBe("ملاحظة طويلة ".repeat(40).trim());
  });

  it("are read as phones write them", () => {
    const text = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Salem;Ali;;;\r\nitem1.TEL;TYPE=CELL:+1\r\nTEL;VALUE=uri:tel:+2\r\nURL:https://matrix.to/#/@ali:example.org\r\nEND:VCARD\r\nBEGIN:VCARD\nVERSION:2.1\nFN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=D8=B9=D9=84=D9=8A\nEND:VCARD\nBEGIN:VCARD\nEND:VCARD";
    expect(parseVcards(text)).toEqual([
      { name: "Ali Salem", userId: "@ali:example.org", phones: ["+1", "+2"], emails: [], note: "" },
      { name: "علي", phones: [], emails: [], note: "" },
    ]);
  });

  it("are bounded and clean", () => {
    expect(parseVcards("BEGIN:VCARD\nFN:x\nEND:VCARD\n".repeat(CARDS_MAX + 5))).toHaveLength(CARDS_MAX);
    const many = parseVcards(`BEGIN:VCARD\nFN:a\u202Eb\n${Array.from({ length: 50 }, (_, n) => `TEL:${n}\n`).join("")}END:VCARD`)[0];
    expect([many?.name, many?.phones.length]).toEqual(["ab", VALUES_MAX]);
    for (const text of ["", "BEGIN:VCARD", "END:VCARD", "x".repeat(200_000), "BEGIN:VCARD\n:\n;;;\nEND:VCARD"]) expect(parseVcards(text)).toEqual([]);
  });
});

describe("mentions", () => {
  const people = [
    { userId: "@a:x", name: "أحمد العتيبي" }, { userId: "@b:x", name: "Sara Ahmad" }, { userId: "@ahmad:x", name: "Abu Khalid" }, { userId: "@d:x", name: "Ahmad" }, { userId: "@e:x", name: "Mohahmad" },
  ];
  const find = (words: string, recent: readonly string[] = []): readonly string[] => buildMentionIndex(people, recent).find(words).map(({ userId }) => userId);

  it("rank whole names, beginnings, words, IDs, and the rest", () => {
    expect(find("ahmad")).toEqual(["@ahmad:x", "@d:x", "@b:x", "@e:x"]);
    expect(find("@AHM")).toEqual(["@d:x", "@b:x", "@ahmad:x", "@e:x"]);
    expect(find("احمد")).toEqual(["@a:x"]);
    expect(find("عتيبي")).toEqual(["@a:x"]);
    expect(find("zz")).toEqual([]);
  });

  it("put who spoke last first, and are few", () => {
    expect(find("", ["@e:x", "@b:x"]).slice(0, 2)).toEqual(["@e:x", "@b:x"]);
    const index = buildMentionIndex(Array.from({ length: 5_000 }, (_, n) => ({ userId: `@u${n}:x`, name: `عضو رقم ${n}` })));
    expect(index.find("رقم 4")).toHaveLength(MENTIONS_SHOWN_MAX);
  });
});
