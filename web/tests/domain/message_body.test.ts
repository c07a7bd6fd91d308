import { describe, expect, it } from "vitest";
import type { MessageBody } from "@/domain/message";
import { BODY_LENGTH_MAX, parseMessageBody, stripReplyFallback, WAVEFORM_LENGTH_MAX } from "@/domain/message_body";
import { isBlurhash, isMxc, PIXELS_MAX, safeMimeType, SIDE_MAX } from "@/domain/message_body_media";
import { buildCaption, buildContactContent, buildEdit, buildLocationContent, buildPollStart, buildPosition, buildReaction, buildTextContent } from "@/domain/message_content";

const room = (content: unknown): MessageBody => parseMessageBody({ type: "m.room.message", content });
const MXC = "mxc://example.org/abcDEF_1-2";
const KEY = { k: "a".repeat(43), iv: "b".repeat(22), sha256: "c".repeat(43) };
const image = (info: unknown, more: object = {}): MessageBody => room({ msgtype: "m.image", body: "a.png", url: MXC, info, ...more });

describe("texts", () => {
  it("reads plain, formatted, notice and emote", () => {
    expect(room({ msgtype: "m.text", body: "سلام" })).toEqual({ kind: "text", style: "text", text: "سلام", rich: [{ type: "text", text: "سلام" }] });
    expect(room({ msgtype: "m.notice", body: "b", format: "org.matrix.custom.html", formatted_body: "<b>b</b>" })).toMatchObject({ style: "notice", rich: [{ type: "bold" }] });
    expect(room({ msgtype: "m.emote", body: "waves", format: "text/html", formatted_body: "<b>b</b>" })).toMatchObject({ style: "emote", rich: [{ type: "text", text: "waves" }] });
    expect(room({ msgtype: "org.example.unknown", body: "fallback" })).toMatchObject({ kind: "text", text: "fallback" });
    expect(parseMessageBody({ type: "org.example.event", content: { "m.text": [{ mimetype: "text/html", body: "<b>" }, { body: "plain" }] } })).toMatchObject({ kind: "text", text: "plain" });
  });

  it("takes an edit's new content", () => {
    expect(room({ msgtype: "m.text", body: "* new", "m.new_content": { msgtype: "m.text", body: "new" }, "m.relates_to": { rel_type: "m.replace", event_id: "$x" } })).toMatchObject({ text: "new" });
    expect(room({ msgtype: "m.text", body: "old", "m.new_content": { msgtype: "m.text", body: "new" } })).toMatchObject({ text: "old" });
  });

  it("strips what older clients quote, only in replies", () => {
    const body = "> <@a:b.example> quoted\n> more\n\nanswer\n> mine";
    expect(stripReplyFallback(body)).toBe("answer\n> mine");
    expect(room({ msgtype: "m.text", body, "m.relates_to": { "m.in_reply_to": { event_id: "$x" } } })).toMatchObject({ text: "answer\n> mine" });
    expect(room({ msgtype: "m.text", body })).toMatchObject({ text: body });
    expect(room({ msgtype: "m.text", body, format: "org.matrix.custom.html", formatted_body: "<mx-reply>q</mx-reply>answer", "m.relates_to": { "m.in_reply_to": {} } })).toMatchObject({ rich: [{ type: "text", text: "answer" }] });
  });

  it("bounds the text and removes direction tricks", () => {
    const long = room({ msgtype: "m.text", body: "x".repeat(BODY_LENGTH_MAX + 1) });
    expect(long.kind === "text" && long.text.length).toBe(BODY_LENGTH_MAX);
    expect(room({ msgtype: "m.text", body: "a\u202Eb" })).toMatchObject({ text: "ab" });
  });

  it("says what it cannot show", () => {
    for (const content of [null, [], "x", 1, {}, { msgtype: "m.text" }, { msgtype: "m.text", body: 1 }, { msgtype: "m.image", body: "x" }]) expect(room(content)).toEqual({ kind: "broken", type: "m.room.message" });
    expect(parseMessageBody({ type: "m.room.message", content: {}, redactedBy: "@a:b.example" })).toEqual({ kind: "deleted", by: "@a:b.example" });
    expect(parseMessageBody({ type: "m.room.encrypted", content: {} })).toEqual({ kind: "undecryptable", reason: "no-key" });
    expect(parseMessageBody({ type: "m.room.encrypted", content: {}, undecryptable: "withheld" })).toEqual({ kind: "undecryptable", reason: "withheld" });
  });
});

describe("media", () => {
  it("reads a picture with key, thumbnail and caption", () => {
    const file = { url: MXC, key: { alg: "A256CTR", k: KEY.k, kty: "oct" }, iv: KEY.iv, hashes: { sha256: KEY.sha256 }, v: "v2" };
    expect(room({ msgtype: "m.image", body: "caption", filename: "a.png", file, info: { mimetype: "image/png", w: 640, h: 480, size: 5, thumbnail_file: file, thumbnail_info: { mimetype: "image/jpeg", size: 2 }, "xyz.amorgan.blurhash": "00abcd" } })).toEqual({
      kind: "image", name: "a.png", caption: [{ type: "text", text: "caption" }],
      picture: { width: 640, height: 480, blurhash: "00abcd", source: { mxc: MXC, key: KEY, mimeType: "image/png", size: 5 }, thumbnail: { mxc: MXC, key: KEY, mimeType: "image/jpeg", size: 2 } },
    });
  });

  it.each(["image/svg+xml", "text/html", "application/xhtml+xml", "application/javascript", "image/svg", "text/xml", " IMAGE/SVG+XML ;x", 7, {}])("never shows %j in place", (mimetype) => {
    expect(image({ mimetype })).toMatchObject({ kind: "file", source: { mimeType: "application/octet-stream" } });
    expect(room({ msgtype: "m.video", body: "v", url: MXC, info: { mimetype } }).kind).toBe("file");
    expect(room({ msgtype: "m.audio", body: "v", url: MXC, info: { mimetype } }).kind).toBe("file");
    expect(image({ mimetype: "image/png", thumbnail_url: MXC, thumbnail_info: { mimetype } })).not.toHaveProperty("picture.thumbnail");
  });

  it("gives pictures beyond 100 megapixels as files", () => {
    expect(image({ w: 10_000, h: PIXELS_MAX / 10_000 }).kind).toBe("image");
    expect(image({ w: 10_001, h: PIXELS_MAX / 10_000 }).kind).toBe("file");
    expect(image({ w: SIDE_MAX + 1, h: 1 }).kind).toBe("file");
    expect(image({ w: -5, h: Number.NaN })).toMatchObject({ picture: { width: 0, height: 0 } });
    expect(image({ w: 10.5, h: "x", size: Number.POSITIVE_INFINITY })).toMatchObject({ picture: { width: 0, height: 0, source: { size: 0 } } });
  });

  it("refuses sources that are none", () => {
    for (const url of ["https://example.org/x", "mxc://", "mxc://a/b/c", "mxc://a/../b", "javascript:x", `mxc://a/${"x".repeat(600)}`, null]) expect(room({ msgtype: "m.file", body: "f", url }).kind).toBe("broken");
    expect(room({ msgtype: "m.file", body: "f", url: MXC, file: { url: MXC, key: { alg: "none", k: KEY.k }, iv: KEY.iv, hashes: { sha256: KEY.sha256 } } }).kind).toBe("broken");
    expect(isMxc("mxc://[::1]:8448/abc")).toBe(true);
  });

  it("reads voice messages and bounds waveforms", () => {
    const voice = (waveform: unknown): MessageBody => room({ msgtype: "m.audio", body: "v", url: MXC, info: { mimetype: "audio/ogg; codecs=opus", duration: 1500.7 }, "org.matrix.msc3245.voice": {}, "org.matrix.msc1767.audio": { waveform } });
    expect(voice([0, 512, 2_000, -4])).toMatchObject({ kind: "voice", durationMs: 1_500, waveform: [0, 512, 1_024, 0], source: { mimeType: "audio/ogg" } });
    const long = voice(Array.from({ length: 1_000 }, (_, index) => (index === 995 ? 900 : 1)));
    expect(long.kind === "voice" && [long.waveform.length, long.waveform.at(-1)]).toEqual([WAVEFORM_LENGTH_MAX, 900]);
    expect(voice([1, "x"])).toMatchObject({ waveform: [] });
    expect(voice({ length: 1e9 })).toMatchObject({ waveform: [] });
  });

  it("cleans file names", () => {
    expect(room({ msgtype: "m.file", body: "photo\u202Egpj.exe", url: MXC })).toMatchObject({ name: "photogpj.exe" });
    expect(room({ msgtype: "m.file", body: "../../x", url: MXC })).toMatchObject({ name: "_.._x" });
    expect(room({ msgtype: "m.file", url: MXC })).toMatchObject({ name: "file" });
    expect(safeMimeType("text/plain; charset=utf-8")).toBe("text/plain");
  });

  it("checks blurhashes by their length", () => {
    expect(isBlurhash("LEHV6nWB2yk8pyo0adR*.7kCMdnj")).toBe(true);
    expect(isBlurhash("LEHV6nWB2yk8pyo0adR*.7kCMdn")).toBe(false);
    expect(isBlurhash("~".repeat(166))).toBe(false);
  });
});

describe("other kinds", () => {
  it("reads polls, both names", () => {
    const answers = [{ "m.id": "1", "m.text": [{ body: "Yes" }] }, { id: "2", "org.matrix.msc1767.text": "No" }, { id: "2", "m.text": "again" }, 7];
    const poll = { kind: "poll", question: "Q?", answers: [{ id: "1", text: "Yes" }, { id: "2", text: "No" }], selectionsMax: 2, disclosed: true };
    expect(parseMessageBody({ type: "m.poll.start", content: { "m.poll": { question: { "m.text": [{ body: "Q?" }] }, kind: "m.disclosed", max_selections: 9, answers } } })).toEqual(poll);
    expect(parseMessageBody({ type: "org.matrix.msc3381.poll.start", content: { "org.matrix.msc3381.poll.start": { question: { body: "Q?" }, kind: "org.matrix.msc3381.poll.disclosed", max_selections: 9, answers } } })).toEqual(poll);
    expect(parseMessageBody({ type: "m.poll.start", content: { "m.poll": { question: {}, answers } } }).kind).toBe("broken");
  });

  it("reads places", () => {
    expect(room({ msgtype: "m.location", body: "Home", geo_uri: "geo:24.7,46.6;u=5" })).toEqual({ kind: "location", latitude: 24.7, longitude: 46.6, uncertaintyM: 5, label: "Home" });
    expect(parseMessageBody({ type: "m.location", content: { "m.location": { uri: "geo:-1,2", description: "There" } } })).toMatchObject({ latitude: -1, label: "There" });
    expect(room({ msgtype: "m.location", body: "x", geo_uri: "geo:91,0" })).toMatchObject({ kind: "text" });
  });

  it("reads stickers, calls and verification", () => {
    expect(parseMessageBody({ type: "m.sticker", content: { body: "cat", url: MXC, info: { w: 2, h: 2, mimetype: "image/webp" } } })).toMatchObject({ kind: "sticker", name: "cat" });
    expect(parseMessageBody({ type: "m.call.invite", content: { offer: { sdp: "v=0\r\nm=video 9" } } })).toEqual({ kind: "call", text: "message.video_call" });
    expect(room({ msgtype: "m.key.verification.request", body: "x" })).toEqual({ kind: "change", text: "message.verification_request" });
  });
});

describe("what we send comes back as it was meant", () => {
  it("text with people", () => {
    const content = buildTextContent("hi [Ali \\[x\\]](https://matrix.to/#/%40ali%3Aexample.org) **now**", { replyTo: "$r", mentions: ["@bob:example.org"] });
    expect(content).toMatchObject({ body: "hi Ali [x] now", "m.mentions": { user_ids: ["@ali:example.org", "@bob:example.org"] }, "m.relates_to": { "m.in_reply_to": { event_id: "$r" } } });
    expect(room(content)).toMatchObject({ rich: [{ text: "hi " }, { type: "mention", userId: "@ali:example.org", name: "Ali [x]" }, { text: " " }, { type: "bold" }] });
    expect(buildTextContent("plain\nhttps://example.org")).toEqual({ msgtype: "m.text", body: "plain\nhttps://example.org", "m.mentions": {} });
    expect(buildTextContent("he is ||the killer||")["body"]).not.toContain("killer");
    expect(buildTextContent("/me waves")).toMatchObject({ msgtype: "m.emote", body: "waves" });
  });

  it("edits, reactions, threads", () => {
    const edit = buildEdit("$e", buildTextContent("**new** @ali:example.org", { mentions: ["@ali:example.org"], replyTo: "$r" }), ["@ali:example.org"]);
    expect(edit).toMatchObject({ body: "* new @ali:example.org", "m.mentions": {}, "m.new_content": { "m.mentions": { user_ids: ["@ali:example.org"] } }, "m.relates_to": { rel_type: "m.replace", event_id: "$e" } });
    expect(room(edit)).toMatchObject({ text: "new @ali:example.org" });
    expect(buildReaction("$e", "👍").content).toEqual({ "m.relates_to": { rel_type: "m.annotation", event_id: "$e", key: "👍" } });
    expect(buildPosition({ threadRoot: "$t", threadLatest: "$l" })).toEqual({ "m.relates_to": { rel_type: "m.thread", event_id: "$t", is_falling_back: true, "m.in_reply_to": { event_id: "$l" } } });
  });

  it("polls, places, contacts", () => {
    let next = 0;
    const poll = buildPollStart("Where?", ["Here", " ", "There"], 5, false, () => String((next += 1)));
    expect(parseMessageBody(poll)).toEqual({ kind: "poll", question: "Where?", answers: [{ id: "1", text: "Here" }, { id: "2", text: "There" }], selectionsMax: 2, disclosed: false });
    expect(room(buildLocationContent({ latitude: 24.7136, longitude: 46.6753, uncertaintyM: 12.4 }, "الرياض", 1))).toEqual({ kind: "location", latitude: 24.7136, longitude: 46.6753, uncertaintyM: 12, label: "الرياض" });
    expect(room(buildLocationContent({ latitude: 1, longitude: 2 }, "", 1))).toEqual({ kind: "location", latitude: 1, longitude: 2, label: "" });
    expect(room(buildContactContent("@ali:example.org", "علي"))).toEqual({ kind: "contact", userId: "@ali:example.org", name: "علي" });
  });

  it("captions", () => {
    const file = { msgtype: "m.image", body: "a.png", filename: "a.png", url: MXC, info: { mimetype: "image/png" } };
    expect(room({ ...file, ...buildCaption("see **this**") })).toMatchObject({ kind: "image", name: "a.png", caption: [{ type: "text", text: "see " }, { type: "bold" }] });
    expect(room({ ...file, ...buildCaption("  ") })).not.toHaveProperty("caption");
    expect(buildCaption("hi [Ali](https://matrix.to/#/@ali:example.org)")["m.mentions"]).toEqual({ user_ids: ["@ali:example.org"] });
  });
});
