import { patchPieces, type ByteSource, type Patch, type Piece } from "./byte_source";
import { type Element, parseElement } from "./ebml";

const SEGMENT = 0x18538067;
const CLUSTER = 0x1f43b675;
const TRACKS = 0x1654ae6b;
const TRACK_ENTRY = 0xae;
const INFO = 0x1549a966;
const CONTAINERS = new Set([SEGMENT, INFO, TRACKS, TRACK_ENTRY]);
/** Tags, Attachments, Chapters; of Info: Title, DateUTC, SegmentFilename; of a track: Name; checksums, which would no longer be right. */
const METADATA = new Set([0x1254c367, 0x1941a469, 0x1043a770, 0x7ba9, 0x4461, 0x7384, 0x536e, 0xbf]);
/** MuxingApp and WritingApp must be there, so their text is emptied instead. */
const PROGRAMS = new Set([0x4d80, 0x5741]);
/** Elements that stand directly in a Segment: where one begins, a cluster of unknown size has ended. */
const TOP_LEVEL = new Set([0x114d9b74, INFO, CLUSTER, TRACKS, 0x1c53bb6b, 0x1941a469, 0x1043a770, 0x1254c367]);
const ELEMENTS_MAX = 400_000;
const BLANK_BYTES_MAX = 64 * 1024 * 1024;
const WINDOW_BYTES = 1024 * 1024;

/** A WebM whose tags, dates, titles and attachments are overwritten by Void elements of the same length. Undefined if it is broken. */
export async function stripWebm(source: ByteSource): Promise<Piece[] | undefined> {
  const read = windowed(source);
  const patches: Patch[] = [];
  let at = 0;
  for (let count = 0; at < source.size; count++) {
    if (count > ELEMENTS_MAX) return undefined;
    const element = parseElement(await read(at), at);
    if (!element) return undefined;
    const end = element.end === Infinity ? source.size : element.end;
    if (end > source.size) return undefined;
    if (METADATA.has(element.id)) {
      if (end - element.at > BLANK_BYTES_MAX) return undefined;
      patches.push(blank(element));
    } else if (PROGRAMS.has(element.id)) patches.push({ at: element.body, bytes: new Uint8Array(end - element.body) });
    // A cluster of unknown size is walked through until the next element of the top level.
    const isOpen = CONTAINERS.has(element.id) || (element.id === CLUSTER && element.end === Infinity);
    if (element.end === Infinity && !isOpen && !TOP_LEVEL.has(element.id)) return undefined;
    at = isOpen ? element.body : end;
  }
  return patchPieces(source.size, patches);
}

/** The 12 bytes at a position, read in large windows: a request for each element would take minutes. */
function windowed(source: ByteSource): (at: number) => Promise<Uint8Array> {
  let start = 0;
  let bytes = new Uint8Array();
  return async (at) => {
    if (at < start || at + 12 > start + bytes.length) {
      start = at;
      bytes = new Uint8Array(await source.read(at, at + WINDOW_BYTES));
    }
    return bytes.subarray(at - start, at - start + 12);
  };
}

/** A Void element over all of it: its ID is one byte, its size takes eight bytes where there is room, else one. */
function blank(element: Element): Patch {
  const bytes = new Uint8Array(element.end - element.at);
  bytes[0] = 0xec;
  if (bytes.length < 9) bytes[1] = 0x80 | (bytes.length - 2);
  else {
    bytes[1] = 0x01;
    const view = new DataView(bytes.buffer);
    view.setUint32(5, bytes.length - 9);
  }
  return { at: element.at, bytes };
}
