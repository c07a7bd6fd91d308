import { describe, expect, test } from "vitest";
import { applyPieces, applyPiecesToBlob, blobSource, bytesSource } from "@/domain/media/byte_source";
import { readOrientation } from "@/domain/media/dimensions";
import { sniffType } from "@/domain/media/sniff";
import { stripMetadata } from "@/domain/media/strip_metadata";
import { oggChecksum } from "@/domain/media/strip_ogg";
import * as samples from "./samples";
import { contains, SECRET } from "./samples";

async function strip(file: Uint8Array): Promise<{ out: Uint8Array; complete: boolean }> {
  const { pieces, complete } = await stripMetadata(bytesSource(file), sniffType(file).mimeType);
  return { out: applyPieces(file, pieces), complete };
}

const FILES: Readonly<Record<string, () => Uint8Array>> = {
  jpeg: () => samples.jpeg(40, 30),
  png: () => samples.png(4, 4, samples.pngSecrets()),
  gif: () => samples.gif(2),
  webp: samples.webp,
  "mp4, moov first": () => samples.mp4("moov first").file,
  "mp4, mdat first": () => samples.mp4("mdat first").file,
  ogg: samples.ogg,
  webm: samples.webm,
  flac: samples.flac,
  mp3: samples.mp3,
  wav: samples.wav,
};

describe.each(Object.entries(FILES))("%s", (name, make) => {
  test("loses its secrets and stays what it is", async () => {
    const file = make();
    expect(contains(file, SECRET)).toBe(true);
    const { out, complete } = await strip(file);
    expect(contains(out, SECRET)).toBe(false);
    expect(complete).toBe(true);
    expect(sniffType(out).mimeType).toBe(sniffType(file).mimeType);
  });

  test("stripped twice is stripped once", async () => {
    const { out } = await strip(make());
    expect((await strip(out)).out).toEqual(out);
  });

  test("gives the same for a Blob", async () => {
    const file = make();
    const blob = new Blob([new Uint8Array(file)]);
    const { pieces } = await stripMetadata(blobSource(blob), sniffType(file).mimeType);
    expect(new Uint8Array(await applyPiecesToBlob(blob, pieces).arrayBuffer())).toEqual(new Uint8Array((await strip(file)).out));
  });

  test("cut anywhere, neither hangs nor throws, nor claims to be clean where it is not", async () => {
    const file = make();
    // ID3v1 has neither length nor checksum: 100 bytes of one are no tag.
    const end = name === "mp3" ? file.length - 128 : file.length;
    for (let length = 12; length < end; length += Math.max(1, Math.floor(file.length / 60))) {
      const { out, complete } = await strip(file.slice(0, length));
      if (complete) expect(contains(out, SECRET)).toBe(false);
    }
  });
});

test("a JPEG keeps its colours and its orientation, and nothing behind its end", async () => {
  const { out } = await strip(samples.jpeg(40, 30, 8));
  expect(contains(out, "ICC_PROFILE")).toBe(true);
  expect(contains(out, "Adobe")).toBe(true);
  expect(contains(out, "MPF")).toBe(false);
  expect([...out.slice(-2)]).toEqual([0xff, 0xd9]);
  expect(readOrientation(out.subarray(out.findIndex((_, at) => contains(out.subarray(at, at + 6), "Exif\0\0"))))).toBe(8);
});

test("an upright JPEG gets no EXIF at all", async () => {
  expect(contains((await strip(samples.jpeg(40, 30, 1))).out, "Exif")).toBe(false);
});

test("a GIF keeps its loop and its frames", async () => {
  const { out } = await strip(samples.gif(3));
  expect(contains(out, "NETSCAPE2.0")).toBe(true);
  expect(out.filter((byte) => byte === 0x2c)).toHaveLength(3);
});

test("a WebP's flags and length tell the truth", async () => {
  const { out } = await strip(samples.webp());
  expect(out[20]).toBe(0x20);
  expect(new DataView(out.buffer).getUint32(4, true)).toBe(out.length - 8);
});

test.each(["moov first", "mdat first"] as const)("offsets of an MP4 still point at its samples (%s)", async (order) => {
  const { file, sample } = samples.mp4(order);
  const { out } = await strip(file);
  const stco = Buffer.from(out).indexOf("stco");
  const offset = new DataView(out.buffer).getUint32(stco + 12);
  expect(Buffer.from(out.slice(offset, offset + sample.length)).toString()).toBe(sample);
  const mvhd = Buffer.from(out).indexOf("mvhd");
  expect(new DataView(out.buffer).getUint32(mvhd + 8)).toBe(0);
  expect(new DataView(out.buffer).getUint32(mvhd + 16)).toBe(1000);
});

test("a film with a track of positions is not called clean", async () => {
  expect((await strip(samples.mp4("moov first", "meta").file)).complete).toBe(false);
});

test("every page of an Ogg file has the right checksum afterwards", async () => {
  const { out } = await strip(samples.ogg());
  const file = Buffer.from(out);
  let pages = 0;
  for (let at = file.indexOf("OggS"); at >= 0; at = file.indexOf("OggS", at + 1), pages++) {
    const next = file.indexOf("OggS", at + 1);
    const page = new Uint8Array(file.subarray(at, next < 0 ? undefined : next));
    const claimed = new DataView(page.buffer).getUint32(22, true);
    page.fill(0, 22, 26);
    expect(claimed).toBe(oggChecksum(page));
  }
  expect(pages).toBe(4);
  expect(contains(out, "sound")).toBe(true);
});

test("WebM and FLAC keep their length and their sound", async () => {
  for (const make of [samples.webm, samples.flac]) expect((await strip(make())).out).toHaveLength(make().length);
  expect(contains((await strip(samples.webm())).out, "the sound's bytes")).toBe(true);
});

test("a PDF is left alone and said to be", async () => {
  const pdf = samples.bytes("%PDF-1.7\n/Author (", SECRET, ")");
  const { out, complete } = await strip(pdf);
  expect(out).toEqual(pdf);
  expect(complete).toBe(false);
});

test("plain text has nothing to remove", async () => {
  expect((await strip(samples.bytes("hello"))).complete).toBe(true);
});
