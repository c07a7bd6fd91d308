import { describe, expect, test } from "vitest";
import { checkDimensions, fitInto, readDimensions } from "@/domain/media/dimensions";
import { sniffType } from "@/domain/media/sniff";
import * as samples from "./samples";
import { bytes } from "./samples";

test.each([
  ["image/jpeg", samples.jpeg(1, 1)], ["image/png", samples.png(1, 1)], ["image/gif", samples.gif(1)], ["image/webp", samples.webp()],
  ["video/mp4", samples.mp4("moov first").file], ["audio/ogg", samples.ogg()], ["audio/webm", samples.webm()], ["audio/flac", samples.flac()],
  ["audio/mpeg", samples.mp3()], ["audio/wav", samples.wav()], ["video/quicktime", samples.box("ftyp", "qt  ")], ["audio/mp4", samples.box("ftyp", "M4A ")],
  ["audio/mpeg", bytes([0xff, 0xfb, 0x90, 0])], ["audio/aac", bytes([0xff, 0xf1, 0x50, 0x80])], ["image/avif", samples.box("ftyp", "avif")],
])("%s is found in its bytes and may be shown", (mimeType, file) => {
  expect(sniffType(file)).toMatchObject({ mimeType, inline: true });
});

describe("never shown inside the page", () => {
  test.each([
    ["svg", "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "image/svg+xml"],
    ["svg behind an XML declaration", "\xef\xbb\xbf \n<?xml version='1.0'?><!-- x --><svg>", "image/svg+xml"],
    ["html", "<!DOCTYPE html><script>alert(1)</script>", "text/html"],
    ["html in capitals, indented", "   \n\t<HTML><BODY>", "text/html"],
    ["script alone", "<script>alert(1)</script>", "text/html"],
    ["xml", "<?xml version='1.0'?><a/>", "application/xml"],
    ["pdf", "%PDF-1.7", "application/pdf"],
    ["zip", "PK\x03\x04", "application/zip"],
    ["program", "MZ\x90\0", "application/vnd.microsoft.portable-executable"],
    ["utf-16 markup", "\xff\xfe<\0s\0v\0g\0", "application/octet-stream"],
    ["heic", "\0\0\0\x18ftypheic", "image/heic"],
    ["nothing", "", "application/octet-stream"],
    ["gif look-alike", "GIF88a", "text/plain"],
  ])("%s", (_, content, mimeType) => {
    expect(sniffType(bytes(content))).toMatchObject({ mimeType, inline: false, kind: "file" });
  });
});

test("a GIF that is also JavaScript, and a JPEG that is also HTML, are pictures and nothing else", () => {
  expect(sniffType(bytes("GIF89a/*", [0, 0], "*/=1;alert(1)")).mimeType).toBe("image/gif");
  expect(sniffType(bytes([0xff, 0xd8, 0xff, 0xfe, 0, 40], "<html><script>alert(1)</script>")).mimeType).toBe("image/jpeg");
});

describe("dimensions", () => {
  test("of each format, turned as its orientation says", () => {
    expect(readDimensions(samples.jpeg(400, 300, 1), "image/jpeg")).toEqual({ width: 400, height: 300, frames: 1 });
    expect(readDimensions(samples.jpeg(400, 300, 6), "image/jpeg")).toEqual({ width: 300, height: 400, frames: 1 });
    expect(readDimensions(samples.png(640, 480), "image/png")).toEqual({ width: 640, height: 480, frames: 1 });
    expect(readDimensions(samples.gif(7), "image/gif")).toEqual({ width: 2, height: 2, frames: 7 });
    expect(readDimensions(samples.webp(), "image/webp")).toEqual({ width: 100, height: 50, frames: 1 });
  });

  test("100 megapixels are refused by the header alone", () => {
    expect(checkDimensions(readDimensions(samples.png(10_000, 10_000), "image/png"))).toBe("too_many_pixels");
    expect(checkDimensions(readDimensions(samples.png(20_000, 1), "image/png"))).toBe("too_many_pixels");
    expect(checkDimensions({ width: 8_000, height: 8_000, frames: 100 })).toBe("too_many_pixels");
    expect(checkDimensions(readDimensions(samples.png(4_000, 3_000), "image/png"))).toBeUndefined();
  });

  test("broken headers are told apart", () => {
    for (const type of ["image/jpeg", "image/png", "image/gif", "image/webp", "image/avif"]) expect(checkDimensions(readDimensions(new Uint8Array(40), type))).toBe("broken_picture");
  });

  test("fitting never enlarges and never gives nothing", () => {
    expect(fitInto(4_000, 3_000, 800)).toEqual({ width: 800, height: 600 });
    expect(fitInto(10, 5, 800)).toEqual({ width: 10, height: 5 });
    expect(fitInto(16_000, 1, 100)).toEqual({ width: 100, height: 1 });
  });
});
