import { ascii, concat, latin1, startsWith, u8 } from "./bytes";
import { parseElement } from "./ebml";
import { oggChecksum } from "./strip_ogg";

/**
 * Opus sound in another box: from WebM, which is all that some browsers record, into Ogg (RFC 7845), which every Matrix client plays.
 * The packets stay as they are. Undefined if the file is broken or holds anything but one track of Opus.
 */
export function remuxToOgg(webm: Uint8Array, serial: number): Uint8Array<ArrayBuffer> | undefined {
  const track = readTrack(webm);
  return track && writeOgg(track.head, track.packets, serial);
}

interface Track {
  /** "OpusHead": channels, samples to skip, gain. */
  readonly head: Uint8Array;
  readonly packets: readonly Uint8Array[];
}

const CODEC_ID = 0x86;
const CODEC_PRIVATE = 0x63a2;
const TRACK_ENTRY = 0xae;
const SIMPLE_BLOCK = 0xa3;
const BLOCK = 0xa1;
/** Segment, Tracks and a track of it, Cluster, BlockGroup. */
const OPENED = new Set([0x18538067, 0x1654ae6b, TRACK_ENTRY, 0x1f43b675, 0xa0]);
const LACING = 0x06;
const PACKETS_MAX = 1_000_000;
const HEAD_BYTES = 19;

function readTrack(webm: Uint8Array): Track | undefined {
  const packets: Uint8Array[] = [];
  let head: Uint8Array | undefined;
  let tracks = 0;
  for (let at = 0; at < webm.length; ) {
    const element = parseElement(webm.subarray(at, at + 12), at);
    if (!element) return undefined;
    const isOpened = OPENED.has(element.id);
    // Only what holds others may be of unknown size: recorders write it before they know how long it will be.
    if (!isOpened && element.end > webm.length) return undefined;
    const body = webm.subarray(element.body, Math.min(element.end, webm.length));
    if (element.id === TRACK_ENTRY) tracks += 1;
    else if (element.id === CODEC_ID && latin1(body, 0, 16) !== "A_OPUS") return undefined;
    else if (element.id === CODEC_PRIVATE) head = body;
    else if (element.id === SIMPLE_BLOCK || element.id === BLOCK) {
      const packet = readBlock(body);
      if (!packet || packets.length >= PACKETS_MAX) return undefined;
      packets.push(packet);
    }
    at = isOpened ? element.body : element.end;
  }
  const isOpus = head !== undefined && head.length >= HEAD_BYTES && startsWith(head, "OpusHead") && tracks === 1;
  return isOpus && head && packets.length > 0 ? { head, packets } : undefined;
}

/** The packet of a block: behind the track's number, 2 bytes of time and the flags. */
function readBlock(body: Uint8Array): Uint8Array | undefined {
  const start = Math.clz32(u8(body, 0)) - 23 + 3;
  const isLaced = (u8(body, start - 1) & LACING) !== 0;
  return isLaced || body.length <= start ? undefined : body.subarray(start);
}

/** Samples at 48 kHz of a frame, by the first five bits of its packet (RFC 6716, table 2): SILK, hybrid, CELT. */
const SILK = [480, 960, 1_920, 2_880] as const;
const CELT = [120, 240, 480, 960] as const;

/** How long a packet is, in samples at 48 kHz. */
export function opusSamples(packet: Uint8Array): number {
  const first = u8(packet, 0);
  const config = first >> 3;
  const frame = config < 12 ? SILK[config % 4] : config < 16 ? SILK[config % 2] : CELT[config % 4];
  const frames = [1, 2, 2, u8(packet, 1) & 0x3f][first & 3] ?? 1;
  return (frame ?? 0) * frames;
}

const SEGMENTS_MAX = 255;
/** A page holds about a second, so that players find their way in a long recording. */
const PAGE_SAMPLES_MAX = 48_000;
const [FIRST, LAST] = [0x02, 0x04] as const;

interface Page {
  readonly packets: readonly Uint8Array[];
  readonly flags: number;
  /** Samples up to its end. */
  readonly position: number;
}

function writeOgg(head: Uint8Array, packets: readonly Uint8Array[], serial: number): Uint8Array<ArrayBuffer> | undefined {
  const tags = concat([ascii("OpusTags"), new Uint8Array(8)]);
  const pages: Page[] = [{ packets: [head], flags: FIRST, position: 0 }, { packets: [tags], flags: 0, position: 0 }];
  let open: Uint8Array[] = [];
  let [segments, samples, position] = [0, 0, 0];
  for (const packet of packets) {
    const needed = Math.floor(packet.length / 255) + 1;
    if (needed > SEGMENTS_MAX) return undefined;
    if (open.length > 0 && (segments + needed > SEGMENTS_MAX || samples >= PAGE_SAMPLES_MAX)) {
      pages.push({ packets: open, flags: 0, position });
      [open, segments, samples] = [[], 0, 0];
    }
    open.push(packet);
    segments += needed;
    samples += opusSamples(packet);
    position += opusSamples(packet);
  }
  pages.push({ packets: open, flags: LAST, position });
  return concat(pages.map((page, sequence) => writePage(page, sequence, serial)));
}

function writePage({ packets, flags, position }: Page, sequence: number, serial: number): Uint8Array<ArrayBuffer> {
  const lacing = packets.flatMap(({ length }) => [...Array<number>(Math.floor(length / 255)).fill(255), length % 255]);
  const page = concat([ascii("OggS"), new Uint8Array(23), Uint8Array.from(lacing), ...packets]);
  const view = new DataView(page.buffer);
  view.setUint8(5, flags);
  view.setBigUint64(6, BigInt(position), true);
  view.setUint32(14, serial, true);
  view.setUint32(18, sequence, true);
  view.setUint8(26, lacing.length);
  view.setUint32(22, oggChecksum(page), true);
  return page;
}
