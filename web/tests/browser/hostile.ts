import assert from "node:assert/strict";
import { buildBomb, buildHugeHead, buildPicture } from "./picture.ts";
import { runStory, type Stage } from "./story.ts";

const SCRIPT = "window.hacked = true";
const SVG = `<svg xmlns="http://www.w3.org/2000/svg" onload="${SCRIPT}"><script>${SCRIPT}</script><image href="http://evil.invalid/pixel"/></svg>`;
const HTML = `<html><body onload="${SCRIPT}"><script>${SCRIPT}</script><img src="http://evil.invalid/pixel"></body></html>`;
const BIDI = "\u202e\u2066\u202dcod.exe\u2069 \u200f\u200e\ufeff\u0000\ufffe";

type Content = Readonly<Record<string, unknown>>;

/** Values of every wrong type for a field. */
const WRONG: readonly unknown[] = [null, true, 0, -1, 2 ** 53 - 1, "", "x".repeat(3_000), [], [[[[]]]], {}, { body: { body: {} } }, ["a", 1, null]];

function texts(): readonly Content[] {
  const html = (formatted_body: string) => ({ msgtype: "m.text", body: "html", format: "org.matrix.custom.html", formatted_body });
  return [
    ...WRONG.map((body) => ({ msgtype: "m.text", body })),
    ...WRONG.map((msgtype) => ({ msgtype, body: "wrong type" })),
    ...WRONG.slice(0, 6).map((formatted_body) => ({ msgtype: "m.text", body: "x", format: "org.matrix.custom.html", formatted_body })),
    html(`<img src=x onerror="${SCRIPT}"><script>${SCRIPT}</script><iframe src="javascript:${SCRIPT}"></iframe><a href="javascript:${SCRIPT}">press</a>`),
    html(`<a href="data:text/html,<script>${SCRIPT}</script>">data</a><svg onload="${SCRIPT}"><math><mtext><style><img src onerror="${SCRIPT}">`),
    html(`<img src="http://evil.invalid/pixel"><p style="background:url(http://evil.invalid/pixel)">styled</p><link rel=stylesheet href=http://evil.invalid/x>`),
    html(`${"<blockquote>".repeat(800)}deep${"</blockquote>".repeat(800)}`),
    html(`${"<ul><li>".repeat(500)}deep list`),
    html(`<table>${"<tr><td>x".repeat(2_000)}</table>`),
    { msgtype: "m.text", body: "A".repeat(40_000) },
    { msgtype: "m.text", body: "\n".repeat(20_000) },
    { msgtype: "m.text", body: `${BIDI} ${"\u0300".repeat(3_000)} ${"🏴".repeat(900)}` },
    { msgtype: "m.text", body: `https://${"a".repeat(3_000)}.invalid/ http://xn--80ak6aa92e.invalid [x](javascript:${SCRIPT})` },
    { msgtype: "m.text", body: "mentions", "m.mentions": { user_ids: Array.from({ length: 400 }, (_, at) => `@x${at}:evil.invalid`), room: "yes" } },
    { msgtype: "m.text", body: "fields", "org.zajil.forward": { h: "9" }, "org.zajil.disappear": { after_s: -5 }, "org.zajil.view_once": "no", constructor: { prototype: 1 }, toString: "x" },
  ];
}

function media(files: Readonly<Record<string, unknown>>): readonly Content[] {
  const kinds = ["m.image", "m.video", "m.audio", "m.file"];
  const infos: readonly unknown[] = [...WRONG, { w: -1, h: 2 ** 40, size: -9, mimetype: "text/html" }, { w: 1, h: 2 ** 31, duration: -1, mimetype: "image/svg+xml", "xyz.amorgan.blurhash": "%".repeat(500) }];
  return [
    ...kinds.flatMap((msgtype) => infos.map((info) => ({ msgtype, body: `${msgtype} ${BIDI}`, info, file: files["svg"] }))),
    ...kinds.flatMap((msgtype) => WRONG.map((file) => ({ msgtype, body: "no file", file, url: file }))),
    ...Object.entries(files).flatMap(([name, file]) => ["image/png", "image/svg+xml", "text/html", "image/jpeg\r\nx: y"].map((mimetype) => ({ msgtype: "m.image", body: `${name}.png`, file, info: { mimetype, w: 300, h: 200, size: 1 } }))),
    { msgtype: "m.image", body: "elsewhere", url: "http://evil.invalid/pixel.png", info: { w: 10, h: 10 } },
    { msgtype: "m.image", body: "escape", url: "mxc://localhost/../../../_matrix/client/v3/logout", info: { w: 10, h: 10 } },
    { msgtype: "m.image", body: "data", url: `data:text/html,<script>${SCRIPT}</script>`, info: { thumbnail_url: `javascript:${SCRIPT}`, thumbnail_info: 7 } },
  ];
}

function others(): readonly { readonly type: string; readonly content: Content }[] {
  const poll = (content: unknown) => ({ type: "org.matrix.msc3381.poll.start", content: { "org.matrix.msc3381.poll.start": content } });
  return [
    ...["m.location", "m.notice", "m.emote", "org.zajil.contact", "m.key.verification.request", "m.server_notice"].flatMap((msgtype) => WRONG.map((value) => ({ type: "m.room.message", content: { msgtype, body: value, geo_uri: value, "org.zajil.contact": value } }))),
    { type: "m.room.message", content: { msgtype: "m.location", body: "x", geo_uri: `geo:1e400,${"9".repeat(300)};u=javascript:${SCRIPT}` } },
    ...WRONG.map(poll),
    poll({ question: { "m.text": SVG }, answers: Array.from({ length: 500 }, (_, at) => ({ id: "same", "m.text": at })), max_selections: 1e15 }),
    ...WRONG.map((content) => ({ type: "m.sticker", content: { body: content, url: content, info: content } })),
    ...WRONG.map((content) => ({ type: "m.call.invite", content: { version: content, offer: content } })),
    ...["ready", "start", "accept", "key", "mac", "done", "cancel"].flatMap((step) => WRONG.map((value) => ({ type: `m.key.verification.${step}`, content: { from_device: value, method: value, methods: value, transaction_id: value, key: value, mac: value, "m.relates_to": value } }))),
    ...["org.evil.unknown", "m.poll.end", "m.poll.response", "org.zajil.viewed", "m.room.redaction"].map((type) => ({ type, content: { "m.relates_to": { rel_type: "m.reference", event_id: "$nothing" }, redacts: "$nothing" } })),
  ];
}

await runStory(async (stage) => {
  const anna = await stage.newPerson("anna");
  await anna.signUp(stage.base + stage.setupLink.slice(stage.setupLink.indexOf("/#")));
  await stage.other("register mallory");
  await anna.startChat("mallory");
  await anna.write("Hello, who are you?");
  await stage.other("accept");
  // Else what follows may be at the server before it, and it is not the first.
  await anna.seesTicks("Hello, who are you?", "held", "delivered", "read");
  await stage.other("know @anna:localhost");
  const send = (type: string, content: Content, how = "send") => stage.other(`${how} ${JSON.stringify({ type, content })}`).catch((error: unknown) => String(error));

  stage.say("texts");
  for (const content of texts()) await send("m.room.message", content);
  await standsStill(stage, "texts");

  stage.say("files");
  const upload = async (bytes: Buffer) => JSON.parse(await stage.other(`upload ${bytes.toString("base64")}`)) as unknown;
  const good = buildPicture(60, 40, "x");
  const files = { svg: await upload(Buffer.from(SVG)), html: await upload(Buffer.from(HTML)), huge: await upload(buildHugeHead(20_000, 20_000)), bomb: await upload(buildBomb(11_000, 11_000)), cut: await upload(good.subarray(0, 60)), both: await upload(Buffer.concat([good, Buffer.from(HTML)])) };
  for (const content of media(files)) await send("m.room.message", content);
  await standsStill(stage, "files");

  stage.say("polls, places, unknown events");
  for (const { type, content } of others()) await send(type, content);
  await standsStill(stage, "others");

  stage.say("relations");
  const root = await send("m.room.message", { msgtype: "m.text", body: "the root" });
  let last = root;
  for (let depth = 0; depth < 60; depth += 1) last = await send("m.room.message", { msgtype: "m.text", body: `depth ${depth}`, "m.relates_to": { "m.in_reply_to": { event_id: last } } });
  for (const rel_type of ["m.replace", "m.thread", "m.annotation", "m.reference", "constructor", 7, null]) {
    for (const event_id of [root, "$itself", last, 5, null, ""]) await send("m.room.message", { msgtype: "m.text", body: "relation", "m.new_content": { body: [], msgtype: {} }, "m.relates_to": { rel_type, event_id, key: "x".repeat(500), "m.in_reply_to": 3 } });
  }
  for (let at = 0; at < 1_200; at += 1) await send("m.reaction", { "m.relates_to": { rel_type: "m.annotation", event_id: root, key: `${at % 3 === 0 ? BIDI : "r"}${at}` } }, "send_open");
  await standsStill(stage, "relations");

  stage.say("in the open, into the encrypted chat");
  await send("m.room.message", { msgtype: "m.text", body: "said in the open" }, "send_open");
  await anna.message("said in the open").getByText(anna.text("chat.shield_unencrypted")).waitFor({ state: "attached" });

  stage.say("all of it again, from the disk, up to its beginning");
  await anna.page.reload();
  await anna.openChat("mallory");
  await anna.sees("said in the open");
  await anna.page.locator("main [role=list]").hover();
  for (let at = 0; at < 250 && !(await anna.page.getByText("Hello, who are you?").first().isVisible()); at += 1) {
    await anna.page.mouse.wheel(0, -4_000);
    await anna.page.waitForTimeout(40);
  }
  await anna.sees("Hello, who are you?");
  await anna.write("I am not impressed");
  await stage.other("read I am not impressed");
  assert.equal(await anna.page.evaluate(() => "hacked" in window), false);
});

/** After each flood an ordinary message arrives, is shown, and nothing has been executed. */
async function standsStill(stage: Stage, chapter: string): Promise<void> {
  const [anna] = stage.persons;
  await stage.other(`write still here after ${chapter}`);
  await anna!.message(`still here after ${chapter}`).waitFor();
  assert.equal(await anna!.page.evaluate(() => "hacked" in window), false);
  // Some fit into the window and six more stand above it, whatever has come to them.
  const shown = await anna!.page.locator("main [data-key]").count();
  assert.ok(shown > 6, `${shown} messages are left on the screen after ${chapter}`);
}
