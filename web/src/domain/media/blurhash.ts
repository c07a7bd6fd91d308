/** BlurHash, after the algorithm its authors published: a picture's lowest cosine components, base 83. */
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~";
const COMPONENTS_MAX = 9;

type Colour = [number, number, number];

function toLinear(value: number): number {
  const share = value / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
}

function toSrgb(value: number): number {
  const share = Math.max(0, Math.min(1, value));
  return Math.round((share <= 0.0031308 ? share * 12.92 : 1.055 * share ** (1 / 2.4) - 0.055) * 255);
}

function signedPower(value: number, exponent: number): number {
  return Math.sign(value) * Math.abs(value) ** exponent;
}

function toBase83(value: number, length: number): string {
  let text = "";
  for (let place = length - 1; place >= 0; place--) text += DIGITS[Math.floor(value / 83 ** place) % 83];
  return text;
}

function fromBase83(text: string): number {
  let value = 0;
  for (const digit of text) value = value * 83 + DIGITS.indexOf(digit);
  return value;
}

/** `pixels` is RGBA, row after row; a picture of some 32 pixels a side is enough. */
export function encodeBlurhash(pixels: Uint8ClampedArray, width: number, height: number, columns = 4, rows = 3): string {
  const linear = Float64Array.from({ length: 256 }, (_, value) => toLinear(value));
  const factors: Colour[] = [];
  for (let y = 0; y < rows; y++) for (let x = 0; x < columns; x++) factors.push(component(pixels, width, height, x, y, linear));
  const [first = [0, 0, 0], ...others] = factors;
  const peak = Math.max(0, ...others.flat().map(Math.abs));
  const step = others.length ? Math.max(0, Math.min(82, Math.floor(peak * 166 - 0.5))) : 0;
  const scale = others.length ? (step + 1) / 166 : 1;
  const quantise = (value: number): number => Math.max(0, Math.min(18, Math.floor(signedPower(value / scale, 0.5) * 9 + 9.5)));
  const [red, green, blue] = first.map(toSrgb) as Colour;
  let hash = toBase83(columns - 1 + (rows - 1) * 9, 1) + toBase83(step, 1) + toBase83(red * 65536 + green * 256 + blue, 4);
  for (const [r, g, b] of others) hash += toBase83((quantise(r) * 19 + quantise(g)) * 19 + quantise(b), 2);
  return hash;
}

function component(pixels: Uint8ClampedArray, width: number, height: number, cx: number, cy: number, linear: Float64Array): Colour {
  const sum: Colour = [0, 0, 0];
  for (let y = 0; y < height; y++) {
    const vertical = Math.cos((Math.PI * cy * y) / height);
    for (let x = 0; x < width; x++) {
      const basis = vertical * Math.cos((Math.PI * cx * x) / width);
      const at = (y * width + x) * 4;
      for (const channel of [0, 1, 2] as const) sum[channel] += basis * (linear[pixels[at + channel] ?? 0] ?? 0);
    }
  }
  const scale = (cx === 0 && cy === 0 ? 1 : 2) / (width * height);
  return [sum[0] * scale, sum[1] * scale, sum[2] * scale];
}

/** Whether a stranger's text is a hash we may decode. */
export function isBlurhash(hash: string): boolean {
  if (hash.length < 6 || hash.length > 4 + 2 * COMPONENTS_MAX ** 2 || ![...hash].every((digit) => DIGITS.includes(digit))) return false;
  const size = fromBase83(hash.charAt(0));
  return hash.length === 4 + 2 * ((size % 9) + 1) * (Math.floor(size / 9) + 1);
}

/** RGBA of `width` by `height` pixels; undefined if the hash is none. Use small sizes (32) and let the browser scale. */
export function decodeBlurhash(hash: string, width: number, height: number): Uint8ClampedArray<ArrayBuffer> | undefined {
  if (!isBlurhash(hash)) return undefined;
  const size = fromBase83(hash.charAt(0));
  const [columns, rows] = [(size % 9) + 1, Math.floor(size / 9) + 1];
  const scale = (fromBase83(hash.charAt(1)) + 1) / 166;
  const average = fromBase83(hash.slice(2, 6));
  const colours: Colour[] = [[toLinear(average >> 16), toLinear((average >> 8) & 255), toLinear(average & 255)]];
  for (let index = 1; index < columns * rows; index++) {
    const value = fromBase83(hash.slice(4 + index * 2, 6 + index * 2));
    const parts = [Math.floor(value / 361), Math.floor(value / 19) % 19, value % 19] as const;
    colours.push(parts.map((part) => signedPower((part - 9) / 9, 2) * scale) as Colour);
  }
  const pixels = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) pixels.set(pixelAt(colours, columns, x / width, y / height), (y * width + x) * 4);
  return pixels;
}

function pixelAt(colours: readonly Colour[], columns: number, x: number, y: number): number[] {
  const sum: Colour = [0, 0, 0];
  colours.forEach((colour, index) => {
    const basis = Math.cos(Math.PI * x * (index % columns)) * Math.cos(Math.PI * y * Math.floor(index / columns));
    for (const channel of [0, 1, 2] as const) sum[channel] += colour[channel] * basis;
  });
  return [toSrgb(sum[0]), toSrgb(sum[1]), toSrgb(sum[2]), 255];
}
