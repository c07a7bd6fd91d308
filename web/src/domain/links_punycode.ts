/** Punycode (RFC 3492), decoding only: what URL parsers turn "مثال" into, read back for display. */

const BASE = 36;
const T_MIN = 1;
const T_MAX = 26;
const SKEW = 38;
const DAMP = 700;
const BIAS_FIRST = 72;
const CODE_POINT_FIRST = 128;
/** Longest label of a domain name. */
export const LABEL_LENGTH_MAX = 63;

function adapt(delta: number, points: number, first: boolean): number {
  let rest = first ? Math.floor(delta / DAMP) : delta >> 1;
  rest += Math.floor(rest / points);
  let k = 0;
  for (; rest > ((BASE - T_MIN) * T_MAX) >> 1; k += BASE) rest = Math.floor(rest / (BASE - T_MIN));
  return k + Math.floor(((BASE - T_MIN + 1) * rest) / (rest + SKEW));
}

function digitOf(code: number): number {
  if (code >= 48 && code <= 57) return code - 22;
  if (code >= 97 && code <= 122) return code - 97;
  if (code >= 65 && code <= 90) return code - 65;
  return BASE;
}

/** The label without its "xn--", decoded; undefined if it is no Punycode. */
export function decodePunycode(label: string): string | undefined {
  if (label.length > LABEL_LENGTH_MAX || /[^\x21-\x7E]/u.test(label)) return undefined;
  const dash = label.lastIndexOf("-");
  const output = [...label.slice(0, Math.max(dash, 0))].map((letter) => letter.charCodeAt(0));
  let point = CODE_POINT_FIRST;
  let bias = BIAS_FIRST;
  let i = 0;
  for (let index = dash > 0 ? dash + 1 : 0; index < label.length; ) {
    const before = i;
    for (let weight = 1, k = BASE; ; k += BASE) {
      const digit = index < label.length ? digitOf(label.charCodeAt(index++)) : BASE;
      if (digit >= BASE) return undefined;
      i += digit * weight;
      const threshold = k <= bias ? T_MIN : Math.min(k - bias, T_MAX);
      if (digit < threshold) break;
      weight *= BASE - threshold;
      if (i > 0x7fffffff || weight > 0x7fffffff) return undefined;
    }
    const length = output.length + 1;
    bias = adapt(i - before, length, before === 0);
    point += Math.floor(i / length);
    i %= length;
    if (point > 0x10ffff) return undefined;
    output.splice(i++, 0, point);
  }
  return String.fromCodePoint(...output);
}
