/** Reading JSON that anybody may have written: each function gives a value of the type it names, within limits, or undefined. None throws. */

export type JsonRecord = Readonly<Record<string, unknown>>;

/** A plain object; arrays and null are none. */
export function readRecord(value: unknown): JsonRecord | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonRecord) : undefined;
}

/** The object's own field: what a prototype lends (`constructor`, `__proto__`) is nobody's content. */
export function readField(record: JsonRecord | undefined, name: string): unknown {
  return record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined;
}

export function readChild(record: JsonRecord | undefined, name: string): JsonRecord | undefined {
  return readRecord(readField(record, name));
}

/** The first of `names` that is an object, for fields that have a stable and an unstable name. */
export function readFirstChild(record: JsonRecord | undefined, names: readonly string[]): JsonRecord | undefined {
  for (const name of names) {
    const child = readChild(record, name);
    if (child !== undefined) return child;
  }
  return undefined;
}

/** At most `max` elements of an array; anything else is empty. */
export function readList(record: JsonRecord | undefined, name: string, max: number): readonly unknown[] {
  const value = readField(record, name);
  return Array.isArray(value) ? value.slice(0, max) : [];
}

/** A string of at most `max` UTF-16 code units; a longer one is none, for identifiers that must not be cut. */
export function readToken(record: JsonRecord | undefined, name: string, max: number): string | undefined {
  const value = readField(record, name);
  return typeof value === "string" && value.length <= max ? value : undefined;
}

/** A string, as it is; the caller bounds it with `cleanText` or `cleanName`. */
export function readString(record: JsonRecord | undefined, name: string): string | undefined {
  const value = readField(record, name);
  return typeof value === "string" ? value : undefined;
}

/** A whole number from `min` to `max`; a fraction is rounded down, as some clients send sizes and times that way. */
export function readInteger(record: JsonRecord | undefined, name: string, min: number, max: number): number | undefined {
  const value = readField(record, name);
  if (typeof value !== "number" || !Number.isFinite(value)) return undefined;
  const whole = Math.floor(value);
  return whole >= min && whole <= max ? whole : undefined;
}
