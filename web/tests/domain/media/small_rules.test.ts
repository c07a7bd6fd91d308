import { describe, expect, test } from "vitest";
import { groupAlbums, layoutAlbum } from "@/domain/media/album";
import { decodeBlurhash, encodeBlurhash, isBlurhash } from "@/domain/media/blurhash";
import { mayRun, safeFileName } from "@/domain/media/file_name";
import { computeWaveform, normaliseWaveform, resampleLevels, waveformBars } from "@/domain/media/waveform";
import type { Message, MessageBody } from "@/domain/message";

describe("blurhash", () => {
  const halves = new Uint8ClampedArray(16 * 16 * 4);
  for (let at = 0; at < 256; at++) halves.set(at % 16 < 8 ? [200, 40, 40, 255] : [40, 40, 200, 255], at * 4);

  test("what is encoded comes back, as blurred as it is", () => {
    const hash = encodeBlurhash(halves, 16, 16);
    expect(hash).toHaveLength(28);
    const out = decodeBlurhash(hash, 16, 16)!;
    expect(out[0]! - out[2]!).toBeGreaterThan(80);
    expect(out[15 * 4 + 2]! - out[15 * 4]!).toBeGreaterThan(80);
  });

  test("a hash of others' software is read", () => {
    const out = decodeBlurhash("LEHV6nWB2yk8pyo0adR*.7kCMdnj", 4, 4)!;
    expect([...out].filter((_, at) => at % 4 === 3).every((alpha) => alpha === 255)).toBe(true);
    expect(out[0]).toBeGreaterThan(100);
  });

  test("one colour is that colour", () => {
    const hash = encodeBlurhash(new Uint8ClampedArray(8 * 8 * 4).map((_, at) => [10, 120, 200, 255][at % 4]!), 8, 8, 1, 1);
    expect([...decodeBlurhash(hash, 1, 1)!]).toEqual([10, 120, 200, 255]);
  });

  test.each(["", "LEHV6n", "LEHV6nWB2yk8pyo0adR*.7kCMdn", "<script>", "L".repeat(5_000), "LEHV6nWB2yk8pyo0adR*.7kCMd\u202e"])("%j is none", (hash) => {
    expect(isBlurhash(hash)).toBe(false);
    expect(decodeBlurhash(hash, 4, 4)).toBeUndefined();
  });
});

describe("waveform", () => {
  test("follows loudness, at full scale", () => {
    const samples = Float32Array.from({ length: 8_000 }, (_, at) => Math.sin(at) * (at < 4_000 ? 0.1 : 0.4));
    const wave = computeWaveform(samples);
    expect(wave).toHaveLength(64);
    expect(Math.max(...wave)).toBe(1_024);
    expect(wave[10]! / wave[50]!).toBeCloseTo(0.25, 1);
    expect(wave.every(Number.isInteger)).toBe(true);
  });

  test("silence stays silent, and nothing stays nothing", () => {
    expect(Math.max(...computeWaveform(new Float32Array(800)))).toBe(0);
    expect(Math.max(...computeWaveform(new Float32Array(800).fill(0.0001)))).toBeLessThan(50);
    expect(computeWaveform(new Float32Array())).toEqual([]);
    expect(normaliseWaveform([Number.NaN, -1, 0.5])).toEqual([0, 0, 1_024]);
  });

  test("any claimed waveform fills the bars", () => {
    expect(waveformBars([], 4)).toEqual([0, 0, 0, 0]);
    expect(waveformBars([1_024, 512], 4)).toEqual([1, 1, 0.5, 0.5]);
    expect(waveformBars([-5, 99_999, Number.NaN], 3)).toEqual([0, 1, 0]);
    expect(resampleLevels(Array.from({ length: 1_000 }, (_, at) => at / 1_000))).toHaveLength(64);
  });
});

describe("file names", () => {
  test.each([
    ["photo.jpg", "photo.jpg"], ["../../etc/passwd", "_.._etc_passwd.jpg"], ["C:\\x\\y.png", "C__x_y.png"], ["photo\u202egpj.exe", "photogpj.exe"],
    ["CON.txt", "_CON.txt"], ["", "file.jpg"], ["...", "file.jpg"], ["صورة العائلة.jpg", "صورة العائلة.jpg"], ["a\0b\nc.pdf", "abc.pdf"], [".htaccess", "htaccess.jpg"], ["name. ", "name.jpg"],
  ])("%j becomes %j", (name, safe) => expect(safeFileName(name, "jpg", "file")).toBe(safe));

  test("long names keep their ending and whole characters", () => {
    const safe = safeFileName(`${"ع".repeat(400)}.jpeg`, "jpg", "file");
    expect(new TextEncoder().encode(safe).length).toBeLessThanOrEqual(200);
    expect(safe.endsWith("ع.jpeg")).toBe(true);
  });

  test("programs are noticed, whatever stands before", () => {
    expect(mayRun("bill.pdf.exe")).toBe(true);
    expect(mayRun("bill.pdf")).toBe(false);
  });
});

const picture = { source: { mxc: "mxc://a/b", mimeType: "image/jpeg", size: 1 }, width: 4, height: 3 };
function message(id: string, album: string | undefined, more: Partial<Message> = {}, kind: "image" | "file" = "image"): Message {
  const body: MessageBody = kind === "image" ? { kind, picture, name: id, ...(album ? { album } : {}) } : { kind, source: picture.source, name: id };
  return { id, roomId: "!r", sender: "@a:b", senderName: "A", isOwn: false, sentAt: 0, body, edited: false, reactions: [], status: "read", deliveredTo: [], readBy: [], hop: 0, viewOnce: false, pinned: false, starred: false, encrypted: true, shield: "ok", ...more } as Message;
}

describe("albums", () => {
  const sizes = (messages: Message[]): number[] => groupAlbums(messages).map((group) => group.length);

  test("hold one sender's pictures of one album, at most ten", () => {
    expect(sizes([message("1", "x"), message("2", "x"), message("3", "y"), message("4", undefined), message("5", undefined)])).toEqual([2, 1, 1, 1]);
    expect(sizes(Array.from({ length: 13 }, (_, at) => message(String(at), "x")))).toEqual([10, 3]);
  });

  test("nobody can put a picture into another's album; replies and view once stand alone", () => {
    expect(sizes([message("1", "x"), message("2", "x", { sender: "@evil:b" })])).toEqual([1, 1]);
    expect(sizes([message("1", "x"), message("2", "x", { replyTo: "$e" })])).toEqual([1, 1]);
    expect(sizes([message("1", "x"), message("2", "x", { viewOnce: true })])).toEqual([1, 1]);
    expect(sizes([message("1", "x"), message("2", "x", {}, "file")])).toEqual([1, 1]);
  });

  test.each([2, 3, 4, 5, 6, 7, 8, 9, 10])("%i tiles fill the rectangle without overlap", (count) => {
    const layout = layoutAlbum(Array.from({ length: count }, (_, at) => [0.2, 1, 1.5, 9, Number.NaN][at % 5]!))!;
    expect(layout.tiles).toHaveLength(count);
    expect(layout.tiles.reduce((sum, tile) => sum + tile.width * tile.height, 0)).toBeCloseTo(1, 6);
    for (const tile of layout.tiles) {
      expect(tile.x + tile.width).toBeLessThanOrEqual(1.000001);
      expect(tile.y + tile.height).toBeLessThanOrEqual(1.000001);
      expect(tile.width * tile.height).toBeGreaterThan(0.01);
    }
  });

  test("one picture or eleven are no album", () => {
    expect(layoutAlbum([1])).toBeUndefined();
    expect(layoutAlbum(Array.from({ length: 11 }, () => 1))).toBeUndefined();
  });
});
