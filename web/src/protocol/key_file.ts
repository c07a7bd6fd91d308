import { Problem } from "@/domain/problem";

const HEADER = "-----BEGIN MEGOLM SESSION DATA-----";
const FOOTER = "-----END MEGOLM SESSION DATA-----";
const VERSION = 1;
const ITERATIONS = 500_000;
const ITERATIONS_MAX = 10_000_000;
const LINE_LENGTH = 96;

/** Message keys in the format of the specification ("Key export format"). */
export async function encryptKeyFile(json: string, passphrase: string): Promise<string> {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const iv = crypto.getRandomValues(new Uint8Array(16));
  // Some implementations count in 63 bits only.
  iv[8] = (iv[8] ?? 0) & 0x7f;
  const { aes, mac } = await deriveKeys(passphrase, salt, ITERATIONS);
  const cipher = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-CTR", counter: iv, length: 64 }, aes, new TextEncoder().encode(json)));
  const body = new Uint8Array(1 + 16 + 16 + 4 + cipher.length);
  body[0] = VERSION;
  body.set(salt, 1);
  body.set(iv, 17);
  new DataView(body.buffer).setUint32(33, ITERATIONS);
  body.set(cipher, 37);
  const signature = new Uint8Array(await crypto.subtle.sign("HMAC", mac, body));
  const base64 = encodeBase64(body, signature);
  return [HEADER, ...(base64.match(new RegExp(`.{1,${LINE_LENGTH}}`, "g")) ?? []), FOOTER, ""].join("\n");
}

export async function decryptKeyFile(file: string, passphrase: string): Promise<string> {
  const start = file.indexOf(HEADER);
  const end = file.indexOf(FOOTER);
  if (start < 0 || end < start) throw new Problem("no_key_file");
  const data = decodeBase64(file.slice(start + HEADER.length, end).replaceAll(/\s/g, ""));
  if (data.length < 37 + 32 || data[0] !== VERSION) throw new Problem("no_key_file");
  const iterations = new DataView(data.buffer).getUint32(33);
  if (iterations > ITERATIONS_MAX) throw new Problem("no_key_file");
  const body = data.subarray(0, -32);
  const { aes, mac } = await deriveKeys(passphrase, data.slice(1, 17), iterations);
  if (!(await crypto.subtle.verify("HMAC", mac, data.slice(-32), body))) throw new Problem("wrong_passphrase");
  const plain = await crypto.subtle.decrypt({ name: "AES-CTR", counter: data.slice(17, 33), length: 64 }, aes, body.slice(37));
  return new TextDecoder().decode(plain);
}

async function deriveKeys(passphrase: string, salt: Uint8Array<ArrayBuffer>, iterations: number): Promise<{ readonly aes: CryptoKey; readonly mac: CryptoKey }> {
  const secret = await crypto.subtle.importKey("raw", new TextEncoder().encode(passphrase), "PBKDF2", false, ["deriveBits"]);
  const bits = await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-512", salt, iterations }, secret, 512);
  const aes = await crypto.subtle.importKey("raw", bits.slice(0, 32), "AES-CTR", false, ["encrypt", "decrypt"]);
  const mac = await crypto.subtle.importKey("raw", bits.slice(32), { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
  return { aes, mac };
}

function encodeBase64(...parts: readonly Uint8Array[]): string {
  const chunks: string[] = [];
  for (const part of parts) for (let at = 0; at < part.length; at += 8_192) chunks.push(String.fromCharCode(...part.subarray(at, at + 8_192)));
  return btoa(chunks.join(""));
}

function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    throw new Problem("no_key_file");
  }
}
