import { crc32, deflateSync } from "node:zlib";

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** A PNG with a gradient and, as cameras leave it, a text about the place. */
export function buildPicture(width: number, height: number, place: string): Buffer {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  const rows = Buffer.alloc(height * (1 + width * 3));
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) rows.set([(x * 255) / width, (y * 255) / height, 140], y * (1 + width * 3) + 1 + x * 3);
  }
  return Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), chunk("IHDR", head), chunk("tEXt", Buffer.from(`Location\0${place}`, "latin1")), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))]);
}

function build(width: number, height: number, depth: number, colour: number, rows: Buffer): Buffer {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([depth, colour, 0, 0, 0], 8);
  return Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), chunk("IHDR", head), chunk("IDAT", deflateSync(rows, { level: 9 })), chunk("IEND", Buffer.alloc(0))]);
}

/** A whole picture of so many pixels in a few kilobytes. */
export function buildBomb(width: number, height: number): Buffer {
  return build(width, height, 1, 0, Buffer.alloc(height * (1 + Math.ceil(width / 8))));
}

/** A picture that says it is so large, and ends at once. */
export function buildHugeHead(width: number, height: number): Buffer {
  return build(width, height, 8, 6, Buffer.alloc(16));
}

type Colour = readonly [number, number, number];
const NIGHT: Colour = [43, 66, 112];
const GLOW: Colour = [247, 186, 122];
const SUN: Colour = [255, 236, 196];
const FAR_HILLS: Colour = [92, 104, 122];
const NEAR_HILLS: Colour = [24, 54, 56];

function mix(from: Colour, to: Colour, share: number): Colour {
  const at = Math.min(1, Math.max(0, share));
  return [from[0] + (to[0] - from[0]) * at, from[1] + (to[1] - from[1]) * at, from[2] + (to[2] - from[2]) * at];
}

function paintDawn(x: number, y: number): Colour {
  if (y > 0.8 + 0.06 * Math.sin(x * 5 + 1) - 0.05 * Math.sin(x * 13)) return NEAR_HILLS;
  if (y > 0.66 + 0.07 * Math.sin(x * 7 + 2.5)) return FAR_HILLS;
  const distance = Math.hypot((x - 0.68) * 1.4, y - 0.5);
  return distance < 0.09 ? SUN : mix(SUN, mix(NIGHT, GLOW, y * 1.5), 0.35 + distance * 2.2);
}

/** The sun over hills: a picture as people send them, for what is looked at. */
export function buildDawn(width: number, height: number): Buffer {
  const rows = Buffer.alloc(height * (1 + width * 3));
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) rows.set(paintDawn(x / width, y / height), y * (1 + width * 3) + 1 + x * 3);
  }
  return build(width, height, 8, 2, rows);
}
