import { expect, it } from "vitest";
import type { MessageBody } from "@/domain/message";
import { parseMessageBody } from "@/domain/message_body";
import { pick, seededRandom } from "./seeded_random";

const SEED = 20_140_222;
const RUNS = 20_000;
const TYPES = ["m.room.message", "m.sticker", "m.poll.start", "org.matrix.msc3381.poll.start", "m.location", "m.call.invite", "m.reaction", "x"];
const MSGTYPES = ["m.text", "m.notice", "m.emote", "m.image", "m.video", "m.audio", "m.file", "m.location", "m.key.verification.request", "x"];
const NAMES = [
  "body", "msgtype", "format", "formatted_body", "url", "file", "info", "w", "h", "size", "mimetype", "duration", "thumbnail_url", "thumbnail_info", "key", "k", "iv", "hashes", "sha256", "alg", "filename",
  "m.relates_to", "m.in_reply_to", "event_id", "rel_type", "m.new_content", "m.poll", "org.matrix.msc3381.poll.start", "question", "answers", "max_selections", "m.text", "org.matrix.msc1767.text",
  "org.matrix.msc1767.audio", "waveform", "org.matrix.msc3245.voice", "geo_uri", "m.location", "uri", "description", "org.zajil.contact", "user_id", "name", "org.zajil.album", "xyz.amorgan.blurhash", "id", "__proto__", "constructor", "toString",
];
const TEXTS = [
  "", "x", "m.text", "org.matrix.custom.html", "<b>x</b>", "<script>alert(1)</script>", "<a href='javascript:alert(1)'>y</a>", "mxc://example.org/abc", "mxc://a/b/c", "https://example.org", "geo:1,2", "geo:1e9,2", "m.replace",
  "image/png", "image/svg+xml", "text/html", "audio/ogg", "video/mp4", "\u202Eabc", "\uD800", "سلام", "😀", "> <@a:b> q\n\nx", "A256CTR", "a".repeat(43), "b".repeat(22), "@a:example.org", "$e", "\u0000", "x".repeat(70_000), "<b>".repeat(300), "LEHV6nWB2yk8pyo0adR*.7kCMdnj",
];
const NUMBERS = [0, -0, 1, -1, 1.5, 1e308, -1e308, 2 ** 53, 2 ** 31, Number.NaN, Number.POSITIVE_INFINITY, 65_536, 20_000];

/** Values that get past the first checks, so that what lies behind them is reached too. */
const LIKELY: Readonly<Record<string, readonly unknown[]>> = {
  url: ["mxc://example.org/abc"], geo_uri: ["geo:1,2"], mimetype: ["image/png", "image/svg+xml", "audio/ogg", "video/mp4"], question: [{ body: "Q" }], user_id: ["@a:example.org"],
  answers: [[{ id: "1", "m.text": "A" }, { id: "2", body: "B" }]], alg: ["A256CTR"], k: ["a".repeat(43)], sha256: ["a".repeat(43)], iv: ["b".repeat(22)], format: ["org.matrix.custom.html"],
};

function randomField(random: () => number, name: string, depth: number): unknown {
  return Object.hasOwn(LIKELY, name) && random() < 0.7 ? pick(random, LIKELY[name] ?? []) : randomValue(random, depth);
}

function randomValue(random: () => number, depth: number): unknown {
  const kind = random();
  if (kind < 0.4) return pick(random, TEXTS);
  if (kind < 0.55) return pick(random, NUMBERS);
  if (kind < 0.62) return pick(random, [null, true, false, undefined]);
  if (depth <= 0) return pick(random, TEXTS);
  if (kind < 0.72) return Array.from({ length: Math.floor(random() * 6) }, () => randomValue(random, depth - 1));
  return randomRecord(random, depth - 1);
}

function randomRecord(random: () => number, depth: number): Record<string, unknown> {
  const record: Record<string, unknown> = {};
  for (let count = Math.floor(random() * 14); count > 0; count -= 1) {
    const name = pick(random, NAMES);
    Object.defineProperty(record, name, { value: randomField(random, name, depth), enumerable: true, configurable: true, writable: true });
  }
  if (random() < 0.7) record["msgtype"] = pick(random, MSGTYPES);
  return record;
}

/** Everything that leaves the parser, looked through: no number that is not one, no endless text, no forbidden character or address. */
function check(value: unknown, path: string): void {
  if (typeof value === "number") expect(Number.isFinite(value), path).toBe(true);
  else if (typeof value === "string") {
    if (value.length > 65_536) expect.fail(`${path} is ${value.length} long`);
    if (/[\u202A-\u202E\u2066-\u2069\u0000]|\p{Surrogate}/u.test(value)) expect.fail(`${path} holds ${JSON.stringify(value.slice(0, 50))}`);
    if (path.endsWith(".href") && !/^(?:https?|mailto):/u.test(value)) expect.fail(`${path} is ${value}`);
    if (path.endsWith(".mxc") && !/^mxc:\/\/[^/]+\/[\w-]+$/u.test(value)) expect.fail(`${path} is ${value}`);
    if (path.endsWith(".mimeType") && /svg|html|xml|script/u.test(value)) expect.fail(`${path} is ${value}`);
  } else if (Array.isArray(value)) value.forEach((item, index) => check(item, `${path}[${index}]`));
  else if (typeof value === "object" && value !== null) for (const [name, child] of Object.entries(value)) check(child, `${path}.${name}`);
  else if (typeof value !== "boolean") expect.fail(`${path} is ${String(value)}`);
}

const KINDS: ReadonlySet<MessageBody["kind"]> = new Set(["text", "image", "sticker", "video", "voice", "audio", "file", "location", "contact", "poll", "call", "change", "deleted", "undecryptable", "broken"]);

it(`never throws and stays within its limits on ${RUNS} random contents (seed ${SEED})`, () => {
  const random = seededRandom(SEED);
  const seen = new Map<string, number>();
  for (let run = 0; run < RUNS; run += 1) {
    const event = { type: pick(random, TYPES), content: random() < 0.95 ? randomRecord(random, 4) : randomValue(random, 3) };
    const body = parseMessageBody(event);
    expect(KINDS.has(body.kind)).toBe(true);
    check(body, `run ${run}`);
    seen.set(body.kind, (seen.get(body.kind) ?? 0) + 1);
  }
  // The generator reaches the interesting kinds, else this test would prove nothing.
  for (const kind of ["text", "file", "image", "location", "poll", "broken", "change", "call", "video", "audio", "contact"]) expect(seen.get(kind) ?? 0, kind).toBeGreaterThan(0);
});
