import { u8 } from "./bytes";

/** An element of EBML (RFC 8794), which WebM is made of. Offsets are bytes from the file's beginning. */
export interface Element {
  readonly id: number;
  readonly at: number;
  readonly body: number;
  /** Infinity if its size is unknown, as recorders that write live leave it. */
  readonly end: number;
}

/** Reads an element's ID and size from `head`, at least 12 bytes that begin at `at`; undefined if they are none. */
export function parseElement(head: Uint8Array, at: number): Element | undefined {
  const idLength = Math.clz32(u8(head, 0)) - 23;
  if (idLength > 4) return undefined;
  let id = 0;
  for (let index = 0; index < idLength; index++) id = id * 256 + u8(head, index);
  const first = u8(head, idLength);
  const sizeLength = Math.clz32(first) - 23;
  if (sizeLength > 8) return undefined;
  let size = first & (0xff >> sizeLength);
  let isUnknown = size === 0xff >> sizeLength;
  for (let index = 1; index < sizeLength; index++) {
    const byte = u8(head, idLength + index);
    size = size * 256 + byte;
    isUnknown &&= byte === 0xff;
  }
  const body = at + idLength + sizeLength;
  return { id, at, body, end: isUnknown ? Infinity : body + size };
}
