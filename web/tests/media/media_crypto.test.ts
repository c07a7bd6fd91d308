import { createHash, createDecipheriv } from "node:crypto";
import { describe, expect, test } from "vitest";
import { decryptAttachment, encryptAttachment, hashBlob } from "@/platform/media_crypto";
import { hashFile } from "@/platform/media_hash";

/** Numbers that look random and are the same each time. */
function noise(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(length);
  let state = seed;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    out[at] = state >>> 24;
  }
  return out;
}

/** The second is large enough to be hashed in pieces. */
test.each([1_000, 65 * 1024 * 1024 + 5])("a file of %i bytes has the hash that everybody finds", async (length) => {
  const data = noise(length);
  expect(await hashFile(new Blob([data]))).toBe(createHash("sha256").update(data).digest("hex"));
});

describe("attachments", () => {
  test.each([0, 1, 15, 16, 17, 4 * 1024 * 1024, 4 * 1024 * 1024 + 5, 9 * 1024 * 1024])("%i bytes come back", async (length) => {
    const plain = noise(length);
    const { data, key } = await encryptAttachment(new Blob([plain]));
    expect(data.size).toBe(length);
    const cipher = Buffer.from(await data.arrayBuffer());
    expect(createHash("sha256").update(cipher).digest("base64").replace(/=+$/, "")).toBe(key.sha256);
    // Another implementation reads it in one go: the counter went on right from slice to slice.
    const other = createDecipheriv("aes-256-ctr", Buffer.from(key.k, "base64url"), Buffer.from(key.iv, "base64"));
    expect(Buffer.concat([other.update(cipher), other.final()]).equals(Buffer.from(plain))).toBe(true);
    const back = new Uint8Array(await (await decryptAttachment(data, key)).arrayBuffer());
    expect(Buffer.from(back).equals(Buffer.from(plain))).toBe(true);
  });

  test("the lower half of the counter block starts at 0, keys differ each time", async () => {
    const [one, two] = await Promise.all([encryptAttachment(new Blob(["x"])), encryptAttachment(new Blob(["x"]))]);
    expect([...Buffer.from(one.key.iv, "base64").subarray(8)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    expect(one.key.k).not.toBe(two.key.k);
    expect(one.key.k).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });

  test("a counter that wraps at 64 bits is followed", async () => {
    const { createCipheriv } = await import("node:crypto");
    const k = noise(32);
    const iv = Buffer.concat([Buffer.from(noise(8)), Buffer.from("ffffffffffffffff", "hex")]);
    const plain = noise(64);
    // OpenSSL counts with 128 bits, so the part behind the wrap is made with the counter set back by hand.
    const first = createCipheriv("aes-256-ctr", k, iv).update(plain.subarray(0, 16));
    const rest = createCipheriv("aes-256-ctr", k, Buffer.concat([iv.subarray(0, 8), Buffer.alloc(8)])).update(plain.subarray(16));
    const cipher = Buffer.concat([first, rest]);
    const key = { k: Buffer.from(k).toString("base64url"), iv: iv.toString("base64"), sha256: createHash("sha256").update(cipher).digest("base64") };
    expect(new Uint8Array(await (await decryptAttachment(new Blob([cipher]), key)).arrayBuffer())).toEqual(plain);
  });

  test("one changed bit, a cut, another key's hash: nothing is shown", async () => {
    const { data, key } = await encryptAttachment(new Blob([noise(1_000)]));
    const cipher = new Uint8Array(await data.arrayBuffer());
    cipher[500] = cipher[500]! ^ 1;
    await expect(decryptAttachment(new Blob([cipher]), key)).rejects.toMatchObject({ code: "media_tampered" });
    await expect(decryptAttachment(data.slice(0, 999), key)).rejects.toMatchObject({ code: "media_tampered" });
    await expect(decryptAttachment(data, { ...key, k: "AAAA" })).rejects.toMatchObject({ code: "media_broken" });
    await expect(decryptAttachment(data, { ...key, iv: "***" })).rejects.toMatchObject({ code: "media_broken" });
  });

  test("hashing in pieces and as a whole agree", async () => {
    const big = new Blob(Array.from({ length: 9 }, (_, at) => noise(4 * 1024 * 1024, at)));
    const hash = createHash("sha256").update(Buffer.from(await big.arrayBuffer())).digest("hex");
    expect(Buffer.from(await hashBlob(big)).toString("hex")).toBe(hash);
  });

  test("can be given up", async () => {
    const abort = new AbortController();
    abort.abort();
    await expect(encryptAttachment(new Blob([noise(100)]), undefined, abort.signal)).rejects.toThrow();
  });
});
