export interface OggPage {
  readonly flags: number;
  /** Samples at 48 kHz up to the end of the last packet that ends here. */
  readonly position: number;
  readonly serial: number;
  readonly sequence: number;
  readonly packetsEnded: number;
}

/** An Ogg file read by the letter of RFC 3533, apart from what writes it: throws where anything is not as it must be. */
export function parseOgg(file: Uint8Array): { readonly pages: readonly OggPage[]; readonly packets: readonly Uint8Array[] } {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const pages: OggPage[] = [];
  const packets: Uint8Array[] = [];
  let begun: number[] = [];
  for (let at = 0; at < file.length; ) {
    if (Buffer.from(file.subarray(at, at + 4)).toString("latin1") !== "OggS" || file[at + 4] !== 0) throw new Error(`no page at ${at}`);
    const lacing = file.subarray(at + 27, at + 27 + file[at + 26]!);
    const end = at + 27 + lacing.length + lacing.reduce((sum, each) => sum + each, 0);
    if (end > file.length) throw new Error(`the page at ${at} is cut`);
    if (view.getUint32(at + 22, true) !== checksum(file.subarray(at, end))) throw new Error(`the page at ${at} has a wrong checksum`);
    let from = at + 27 + lacing.length;
    let packetsEnded = 0;
    for (const lace of lacing) {
      begun.push(...file.subarray(from, from + lace));
      from += lace;
      if (lace === 255) continue;
      packets.push(Uint8Array.from(begun));
      begun = [];
      packetsEnded += 1;
    }
    pages.push({ flags: file[at + 5]!, position: Number(view.getBigUint64(at + 6, true)), serial: view.getUint32(at + 14, true), sequence: view.getUint32(at + 18, true), packetsEnded });
    at = end;
  }
  if (begun.length > 0) throw new Error("the last packet does not end");
  return { pages, packets };
}

/** Long division by x^32 + 0x04c11db7, bit by bit; the checksum's own field counts as zeros. */
function checksum(page: Uint8Array): number {
  let remainder = 0;
  for (const [at, byte] of page.entries()) {
    for (let bit = 7; bit >= 0; bit -= 1) {
      const next = at >= 22 && at < 26 ? 0 : (byte >> bit) & 1;
      const top = (remainder >>> 31) & 1;
      remainder = (remainder << 1) >>> 0;
      if ((top ^ next) === 1) remainder = (remainder ^ 0x04c1_1db7) >>> 0;
    }
  }
  return remainder;
}
