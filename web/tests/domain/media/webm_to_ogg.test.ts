import { describe, expect, test } from "vitest";
import { opusSamples, remuxToOgg } from "@/domain/media/webm_to_ogg";
import { parseOgg } from "./parse_ogg";
import { bytes, element } from "./samples";

const HEAD = bytes("OpusHead", [1, 1, 56, 1], [0x80, 0xbb, 0, 0], [0, 0, 0]);
/** One frame of 20 ms, CELT. */
const FRAME = 0xf8;
const SERIAL = 0xfeedbeef;

/** Packets of these lengths, each filled with its own number. */
function packetsOf(...lengths: readonly number[]): Uint8Array<ArrayBuffer>[] {
  return lengths.map((length, at) => Uint8Array.from({ length }, (_, index) => (index === 0 ? FRAME : at % 256)));
}

function block(packet: Uint8Array, flags = 0x80): Uint8Array {
  return element([0xa3], bytes([0x81, 0, 0, flags], packet));
}

interface Parts {
  readonly codec?: string;
  readonly tracks?: number;
  readonly head?: Uint8Array;
  readonly blocks: readonly Uint8Array[];
}

/** As a browser records it: segment and clusters of unknown size. */
function record({ codec = "A_OPUS", tracks = 1, head = HEAD, blocks }: Parts): Uint8Array {
  const entry = element([0xae], bytes(element([0xd7], bytes([1])), element([0x86], codec), element([0x63, 0xa2], head)));
  const half = Math.ceil(blocks.length / 2);
  const clusters = [blocks.slice(0, half), blocks.slice(half)].map((some) => element([0x1f, 0x43, 0xb6, 0x75], bytes(element([0xe7], bytes([0])), ...some), true));
  const segment = bytes(element([0x16, 0x54, 0xae, 0x6b], bytes(...Array.from({ length: tracks }, () => entry))), ...clusters);
  return bytes(element([0x1a, 0x45, 0xdf, 0xa3], element([0x42, 0x82], "webm")), element([0x18, 0x53, 0x80, 0x67], segment, true));
}

describe("WebM into Ogg", { timeout: 60_000 }, () => {
  test("the packets are all there, in order, on sealed pages", () => {
    const packets = packetsOf(1, 80, 254, 255, 256, 509, 510, 511, 1_275, ...Array<number>(200).fill(90));
    const ogg = parseOgg(remuxToOgg(record({ blocks: packets.map((packet) => block(packet)) }), SERIAL)!);
    expect(ogg.packets.map((packet) => Buffer.from(packet).toString("hex"))).toEqual([HEAD, bytes("OpusTags", new Uint8Array(8)), ...packets].map((packet) => Buffer.from(packet).toString("hex")));
    expect(ogg.pages.map(({ sequence }) => sequence)).toEqual(ogg.pages.map((_, at) => at));
    expect(new Set(ogg.pages.map(({ serial }) => serial))).toEqual(new Set([SERIAL]));
    expect(ogg.pages.map(({ flags }) => flags)).toEqual([2, ...Array<number>(ogg.pages.length - 2).fill(0), 4]);
    expect(ogg.pages.slice(0, 2).map(({ position, packetsEnded }) => [position, packetsEnded])).toEqual([[0, 1], [0, 1]]);
    expect(ogg.pages.at(-1)!.position).toBe(packets.length * 960);
    // About a second each.
    expect(ogg.pages.length).toBeGreaterThan(5);
    for (const page of ogg.pages) expect(page.packetsEnded).toBeLessThanOrEqual(50);
  });

  test("blocks in groups are read, too", () => {
    const group = element([0xa0], element([0xa1], bytes([0x81, 0, 0, 0], packetsOf(30)[0]!)));
    expect(parseOgg(remuxToOgg(record({ blocks: [group] }), SERIAL)!).packets.length).toBe(3);
  });

  test("a packet's length is in its first bytes", () => {
    const first = (config: number, code: number): number => (config << 3) | code;
    expect([0, 1, 2, 3, 9, 12, 13, 16, 17, 18, 19, 31].map((config) => opusSamples(bytes([first(config, 0)])))).toEqual([480, 960, 1_920, 2_880, 960, 480, 960, 120, 240, 480, 960, 960]);
    expect([1, 2].map((code) => opusSamples(bytes([first(31, code)])))).toEqual([1_920, 1_920]);
    expect(opusSamples(bytes([first(31, 3), 0x83]))).toBe(2_880);
  });

  test("anything but one whole track of Opus is left as it is", () => {
    const blocks = packetsOf(40, 50).map((packet) => block(packet));
    const whole = record({ blocks });
    expect(remuxToOgg(whole, 1)).toBeDefined();
    expect(remuxToOgg(record({ codec: "A_VORBIS", blocks }), 1)).toBeUndefined();
    expect(remuxToOgg(record({ tracks: 2, blocks }), 1)).toBeUndefined();
    expect(remuxToOgg(record({ head: bytes("OpusHead"), blocks }), 1)).toBeUndefined();
    expect(remuxToOgg(record({ blocks: [] }), 1)).toBeUndefined();
    expect(remuxToOgg(record({ blocks: [block(packetsOf(40)[0]!, 0x82)] }), 1)).toBeUndefined();
    expect(remuxToOgg(record({ blocks: packetsOf(70_000).map((packet) => block(packet)) }), 1)).toBeUndefined();
    expect(remuxToOgg(whole.subarray(0, whole.length - 5), 1)).toBeUndefined();
    expect(remuxToOgg(bytes("no file of sound at all"), 1)).toBeUndefined();
    expect(remuxToOgg(new Uint8Array(), 1)).toBeUndefined();
  });

  test("no damage makes it throw or hang", () => {
    const whole = record({ blocks: packetsOf(40, 50, 60).map((packet) => block(packet)) });
    for (let at = 0; at < whole.length; at += 1) {
      for (const value of [0, 0x7f, 0xff]) {
        const damaged = Uint8Array.from(whole);
        damaged[at] = value;
        const ogg = remuxToOgg(damaged, 1);
        if (ogg) expect(parseOgg(ogg).packets.length).toBeGreaterThan(2);
      }
    }
  });
});
