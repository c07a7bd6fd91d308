import { deflateSync } from "node:zlib";
import { oggChecksum } from "@/domain/media/strip_ogg";

/** Real files, made byte by byte: what a format's specification asks for, with secrets where cameras and programs put them. */
export const SECRET = "SECRET-30.0444N-31.2357E";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
export const bytes = (...parts: (Uint8Array | readonly number[] | string)[]): Uint8Array<ArrayBuffer> =>
  new Uint8Array(Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : Buffer.from(part)))));
const be32 = (value: number): number[] => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
const be16 = (value: number): number[] => [(value >>> 8) & 255, value & 255];
const le32 = (value: number): number[] => be32(value).reverse();

export function contains(file: Uint8Array, word: string): boolean {
  return Buffer.from(file).includes(Buffer.from(word, "latin1"));
}

export function jpegSegment(marker: number, content: Uint8Array | string): Uint8Array {
  const body = bytes(content);
  return bytes([0xff, marker], be16(body.length + 2), body);
}

export function exif(orientation: number): Uint8Array {
  const tiff = bytes("II*\0", le32(8), [2, 0], [0x0e, 0x01, 2, 0], le32(SECRET.length), le32(38), [0x12, 0x01, 3, 0], le32(1), [orientation, 0, 0, 0], le32(0), SECRET);
  return bytes("Exif\0\0", tiff);
}

export function jpeg(width: number, height: number, orientation = 6): Uint8Array {
  return bytes(
    [0xff, 0xd8],
    jpegSegment(0xe0, "JFIF\0\x01\x01\0\0\x01\0\x01\0\0"),
    jpegSegment(0xe1, exif(orientation)),
    jpegSegment(0xe1, `http://ns.adobe.com/xap/1.0/\0<x>${SECRET}</x>`),
    jpegSegment(0xe2, `ICC_PROFILE\0\x01\x01colours`),
    jpegSegment(0xe2, `MPF\0${SECRET}`),
    jpegSegment(0xed, `Photoshop 3.0\0${SECRET}`),
    jpegSegment(0xee, "Adobe\0d\0\0\0\0\0"),
    jpegSegment(0xfe, SECRET),
    jpegSegment(0xc2, bytes([8], be16(height), be16(width), [1, 1, 0x11, 0])),
    jpegSegment(0xda, bytes([1, 1, 0, 0, 63, 0])),
    [0x12, 0xff, 0x00, 0x34, 0xff, 0xd0, 0x56],
    // A progressive picture has further tables and scans.
    jpegSegment(0xc4, bytes([0x10, 0xff, 0xd9, 7])),
    jpegSegment(0xda, bytes([1, 1, 0, 0, 63, 0])),
    [0x78, 0xff, 0xd9],
    `${SECRET} a motion photo's film`,
  );
}

function crc32(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

export function pngChunk(type: string, content: Uint8Array | string): Uint8Array {
  const body = bytes(type, content);
  return bytes(be32(body.length - 4), body, be32(crc32(body)));
}

export function png(width: number, height: number, extra: readonly Uint8Array[] = []): Uint8Array {
  const rows = deflateSync(new Uint8Array(Math.min(height, 64) * (Math.min(width, 64) * 3 + 1)));
  return bytes("\x89PNG\r\n\x1a\n", pngChunk("IHDR", bytes(be32(width), be32(height), [8, 2, 0, 0, 0])), ...extra, pngChunk("IDAT", rows), pngChunk("IEND", ""));
}

export const pngSecrets = (): Uint8Array[] => [pngChunk("tEXt", `Author\0${SECRET}`), pngChunk("iTXt", `XML:com.adobe.xmp\0\0\0\0\0${SECRET}`), pngChunk("eXIf", SECRET), pngChunk("tIME", bytes([7, 226, 1, 2, 3, 4, 5])), pngChunk("gAMA", bytes(be32(45455))), pngChunk("prVt", SECRET)];

export function gif(frames: number): Uint8Array {
  const sub = (value: string): Uint8Array => bytes([value.length], value, [0]);
  const frame = bytes([0x21, 0xf9, 4, 0, 10, 0, 0, 0], [0x2c, 0, 0, 0, 0, 2, 0, 2, 0, 0], [2, 2, 0x4c, 1, 0]);
  return bytes(
    "GIF89a", [2, 0, 2, 0, 0x80, 0, 0], [0, 0, 0, 255, 255, 255],
    [0x21, 0xff, 11], "NETSCAPE2.0", [3, 1, 0, 0, 0],
    [0x21, 0xfe], sub(SECRET),
    [0x21, 0xff, 11], "XMP DataXMP", sub(SECRET),
    ...Array.from({ length: frames }, () => frame),
    [0x3b], SECRET,
  );
}

export function webp(): Uint8Array {
  const chunk = (type: string, content: Uint8Array | string): Uint8Array => {
    const body = bytes(content);
    return bytes(type, le32(body.length), body, body.length % 2 ? [0] : []);
  };
  const chunks = bytes(chunk("VP8X", bytes([0x2c, 0, 0, 0], [99, 0, 0], [49, 0, 0])), chunk("ICCP", "colours"), chunk("VP8L", bytes([0x2f, 99, 0x40, 12, 0])), chunk("EXIF", SECRET), chunk("XMP ", SECRET));
  return bytes("RIFF", le32(chunks.length + 4), "WEBP", chunks);
}

export function box(type: string, ...content: (Uint8Array | readonly number[] | string)[]): Uint8Array {
  const body = bytes(...content);
  return bytes(be32(body.length + 8), type, body);
}

export function mp4(order: "moov first" | "mdat first", track = "vide"): { file: Uint8Array; sample: string } {
  const sample = "the film's bytes";
  const ftyp = box("ftyp", "isom", be32(512), "isomavc1");
  const mdat = box("mdat", sample);
  const build = (offset: number): Uint8Array => {
    const hdlr = box("hdlr", be32(0), be32(0), track, be32(0), be32(0), be32(0), `${SECRET}\0`);
    const stbl = box("stbl", box("stco", be32(0), be32(1), be32(offset)));
    const trak = box("trak", box("tkhd", be32(7), be32(3_800_000_000), be32(3_800_000_001), be32(1)), box("mdia", box("mdhd", be32(0), be32(3_800_000_000), be32(3_800_000_000), be32(1000)), hdlr, box("minf", stbl)));
    const udta = box("udta", box("\xa9xyz", be16(SECRET.length), be16(0), SECRET), box("meta", be32(0), SECRET));
    return box("moov", box("mvhd", be32(0), be32(3_800_000_000), be32(3_800_000_000), be32(1000), be32(5000)), trak, udta, box("meta", be32(0), box("keys", SECRET)));
  };
  const uuid = box("uuid", "\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac", SECRET);
  const moovSize = build(0).length;
  const file = order === "moov first" ? bytes(ftyp, build(ftyp.length + moovSize + uuid.length + 8), uuid, mdat) : bytes(ftyp, mdat, build(ftyp.length + 8), uuid);
  return { file, sample };
}

export function oggPage(packet: Uint8Array, sequence: number, flags: number, continued = false): Uint8Array {
  const lacing: number[] = [];
  for (let left = packet.length; left >= 0; left -= 255) lacing.push(Math.min(255, left));
  if (continued) lacing.pop();
  const page = bytes("OggS\0", [flags], new Uint8Array(8), le32(77), le32(sequence), le32(0), [lacing.length], lacing, packet);
  page.set(le32(oggChecksum(page)), 22);
  return page;
}

/** Comments over two pages, as a cover picture makes them. */
export function ogg(): Uint8Array {
  const comment = `title=${SECRET}${"x".repeat(300)}`;
  const tags = bytes("OpusTags", le32(6), "vendor", le32(1), le32(comment.length), comment);
  const first = tags.slice(0, 255);
  return bytes(oggPage(bytes("OpusHead", [1, 1, 0, 0], le32(48000), [0, 0, 0]), 0, 2), oggPage(first, 1, 0, true), oggPage(tags.slice(255), 2, 1), oggPage(text("sound"), 3, 4));
}

export function element(id: readonly number[], content: Uint8Array | string, unknown = false): Uint8Array {
  const body = bytes(content);
  return bytes(id, unknown ? [0x01, 255, 255, 255, 255, 255, 255, 255] : [0x08, ...be32(body.length)], body);
}

export function webm(): Uint8Array {
  const head = element([0x1a, 0x45, 0xdf, 0xa3], element([0x42, 0x82], "webm"));
  const info = element([0x15, 0x49, 0xa9, 0x66], bytes(element([0x7b, 0xa9], SECRET), element([0x44, 0x61], "12345678"), element([0x4d, 0x80], SECRET), element([0x57, 0x41], SECRET)));
  const tracks = element([0x16, 0x54, 0xae, 0x6b], element([0xae], bytes(element([0x86], "A_OPUS"), element([0x53, 0x6e], SECRET))));
  const cluster = element([0x1f, 0x43, 0xb6, 0x75], element([0xa3], "the sound's bytes"), true);
  const tags = element([0x12, 0x54, 0xc3, 0x67], SECRET);
  return bytes(head, element([0x18, 0x53, 0x80, 0x67], bytes(info, tracks, cluster, tags), true));
}

export function flac(): Uint8Array {
  const block = (type: number, content: string): Uint8Array => bytes([type, 0, 0, content.length], content);
  return bytes("fLaC", block(0, "s".repeat(34)), block(4, SECRET), block(0x86, SECRET), "frames");
}

export function mp3(): Uint8Array {
  return bytes("ID3\x04\0\0", [0, 0, 0, SECRET.length], SECRET, [0xff, 0xfb, 0x90, 0x00], "frames", "TAG", SECRET.padEnd(125));
}

export function wav(): Uint8Array {
  const chunk = (type: string, content: string): Uint8Array => bytes(type, le32(content.length), content, content.length % 2 ? [0] : []);
  const body = bytes("WAVE", chunk("fmt ", "f".repeat(16)), chunk("LIST", `INFOIART${SECRET}`), chunk("data", "samples"), chunk("id3 ", SECRET));
  return bytes("RIFF", le32(body.length), body);
}
