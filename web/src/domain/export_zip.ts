/**
 * Writes a ZIP file (APPNOTE 6.3) part by part, without compression: photos and videos have it already, and nothing has to be held in memory.
 * Files and archives over 4 GiB use the Zip64 fields.
 */

const LIMIT_32 = 0xffffffff;
const LIMIT_16 = 0xffff;
const CHUNK_BYTES = 1024 * 1024;
const UTF_8 = 0x0800;
const VERSION = 45;

let table: Uint32Array | undefined;

function crcTable(): Uint32Array {
  if (table) return table;
  table = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte += 1) {
    let value = byte;
    for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    table[byte] = value >>> 0;
  }
  return table;
}

/** CRC-32 of `bytes` after what came before. */
export function crc32(bytes: Uint8Array, before = 0): number {
  const lookup = crcTable();
  let value = ~before >>> 0;
  for (let at = 0; at < bytes.length; at += 1) value = (value >>> 8) ^ lookup[(value ^ bytes[at]!) & 0xff]!;
  return ~value >>> 0;
}

class Fields {
  readonly #bytes: number[] = [];

  add(size: 2 | 4 | 8, value: number): this {
    let rest = value;
    for (let at = 0; at < size; at += 1) {
      this.#bytes.push(rest % 256);
      rest = Math.floor(rest / 256);
    }
    return this;
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.#bytes);
  }
}

interface Entry {
  readonly name: Uint8Array<ArrayBuffer>;
  readonly crc: number;
  readonly size: number;
  readonly offset: number;
}

export type ZipSink = (part: Uint8Array<ArrayBuffer> | Blob) => void | Promise<void>;

export class ZipWriter {
  readonly #sink: ZipSink;
  readonly #dosTime: number;
  readonly #limit: number;
  readonly #entries: Entry[] = [];
  readonly #names = new Set<string>();
  #offset = 0;

  /** `limit` is where the Zip64 fields begin; tests lower it. */
  constructor(sink: ZipSink, at: Date, limit = LIMIT_32) {
    this.#sink = sink;
    this.#limit = limit;
    const date = ((Math.max(1980, at.getFullYear()) - 1980) << 9) | ((at.getMonth() + 1) << 5) | at.getDate();
    this.#dosTime = date * 65_536 + ((at.getHours() << 11) | (at.getMinutes() << 5) | (at.getSeconds() >> 1));
  }

  get bytes(): number {
    return this.#offset;
  }

  /** `name` is a relative path with "/"; one that is taken already gets a number. */
  async add(name: string, content: Blob, signal?: AbortSignal): Promise<void> {
    const crc = await sum(content, signal);
    const entry: Entry = { name: new TextEncoder().encode(this.#unique(name)), crc, size: content.size, offset: this.#offset };
    await this.#write(this.#localHeader(entry));
    await this.#write(content);
    this.#entries.push(entry);
  }

  async finish(): Promise<void> {
    const start = this.#offset;
    for (const entry of this.#entries) await this.#write(this.#centralHeader(entry));
    const size = this.#offset - start;
    const count = this.#entries.length;
    if (start >= this.#limit || size >= this.#limit || count >= LIMIT_16) await this.#writeZip64End(start, size, count);
    const end = new Fields().add(4, 0x06054b50).add(2, 0).add(2, 0);
    end.add(2, Math.min(count, LIMIT_16)).add(2, Math.min(count, LIMIT_16));
    end.add(4, size >= this.#limit ? LIMIT_32 : size).add(4, start >= this.#limit ? LIMIT_32 : start).add(2, 0);
    await this.#write(end.bytes);
  }

  #localHeader({ name, crc, size }: Entry): Uint8Array<ArrayBuffer> {
    const isBig = size >= this.#limit;
    const extra = isBig ? new Fields().add(2, 1).add(2, 16).add(8, size).add(8, size).bytes : new Uint8Array();
    const shown = isBig ? LIMIT_32 : size;
    const head = new Fields().add(4, 0x04034b50).add(2, VERSION).add(2, UTF_8).add(2, 0).add(4, this.#dosTime);
    return join(head.add(4, crc).add(4, shown).add(4, shown).add(2, name.length).add(2, extra.length).bytes, name, extra);
  }

  #centralHeader({ name, crc, size, offset }: Entry): Uint8Array<ArrayBuffer> {
    const isBig = size >= this.#limit;
    const isFar = offset >= this.#limit;
    const values = [...(isBig ? [size, size] : []), ...(isFar ? [offset] : [])];
    const extra = new Fields();
    if (values.length > 0) extra.add(2, 1).add(2, values.length * 8);
    for (const value of values) extra.add(8, value);
    const shown = isBig ? LIMIT_32 : size;
    const head = new Fields().add(4, 0x02014b50).add(2, VERSION).add(2, VERSION).add(2, UTF_8).add(2, 0).add(4, this.#dosTime);
    head.add(4, crc).add(4, shown).add(4, shown).add(2, name.length).add(2, extra.bytes.length);
    head.add(2, 0).add(2, 0).add(2, 0).add(4, 0).add(4, isFar ? LIMIT_32 : offset);
    return join(head.bytes, name, extra.bytes);
  }

  async #writeZip64End(start: number, size: number, count: number): Promise<void> {
    const at = this.#offset;
    const end = new Fields().add(4, 0x06064b50).add(8, 44).add(2, VERSION).add(2, VERSION).add(4, 0).add(4, 0);
    await this.#write(end.add(8, count).add(8, count).add(8, size).add(8, start).bytes);
    await this.#write(new Fields().add(4, 0x07064b50).add(4, 0).add(8, at).add(4, 1).bytes);
  }

  #unique(name: string): string {
    let free = name;
    const dot = name.lastIndexOf(".") > name.lastIndexOf("/") + 1 ? name.lastIndexOf(".") : name.length;
    for (let number = 2; this.#names.has(free.toLowerCase()); number += 1) free = `${name.slice(0, dot)}-${number}${name.slice(dot)}`;
    this.#names.add(free.toLowerCase());
    return free;
  }

  async #write(part: Uint8Array<ArrayBuffer> | Blob): Promise<void> {
    this.#offset += part instanceof Blob ? part.size : part.length;
    await this.#sink(part);
  }
}

function join(...parts: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** In pieces, so that the page stays alive between them. */
async function sum(content: Blob, signal?: AbortSignal): Promise<number> {
  let value = 0;
  for (let at = 0; at < content.size; at += CHUNK_BYTES) {
    signal?.throwIfAborted();
    value = crc32(new Uint8Array(await content.slice(at, at + CHUNK_BYTES).arrayBuffer()), value);
  }
  return value;
}
