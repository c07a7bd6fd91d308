import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { Chat, Engine } from "@/domain/engine";
import type { StickerPack } from "@/domain/stickers";
import { isText, meet, online, until, untilChat, untilMessage, write } from "./engines";
import { TestServer } from "./server";
import "./upload_request";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });

let server: TestServer;
let ali: Engine;
let sara: Engine;
let alisChat: Chat;
let sarasChat: Chat;
let roomId: string;

beforeAll(async () => {
  server = await TestServer.start();
  [ali, sara] = [await online(await server.register("ali")), await online(await server.register("sara"))];
  [alisChat, sarasChat] = await meet(ali, sara);
  roomId = alisChat.roomId;
});

afterAll(async () => {
  await Promise.all([ali?.stop(), sara?.stop()]);
  await server?.stop();
});

/** The smallest WebP there is: one grey pixel. */
const WEBP = Uint8Array.from(Buffer.from("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA", "base64"));
const picture = () => ({ file: new Blob([WEBP], { type: "image/webp" }), width: 1, height: 1 });

function pack(packs: readonly StickerPack[], id: "own" | "room"): StickerPack | undefined {
  return packs.find(({ place }) => (place === "own") === (id === "own"));
}

function untilPack(engine: Engine, id: "own" | "room", names: readonly string[], room = roomId): Promise<StickerPack> {
  return until(`${id} pack with ${names.join()}`, engine.stickers.packsOf(room), (packs) => {
    const found = pack(packs, id);
    // Which of two pictures is uploaded first is nobody's choice.
    return found?.stickers.map(({ name }) => name).toSorted().join() === names.toSorted().join() ? found : undefined;
  });
}

test("one's own pack is kept in account data, and two changes at once are both there", async () => {
  expect(pack(ali.stickers.packsOf(roomId).get(), "own")).toMatchObject({ stickers: [], mayChange: true });
  await Promise.all([ali.stickers.add("own", picture(), "Dove"), ali.stickers.add("own", picture(), "حمامة")]);
  const { stickers } = await untilPack(ali, "own", ["Dove", "حمامة"]);
  expect(stickers.find(({ code }) => code === "dove")).toMatchObject({ width: 1, height: 1, source: { mimeType: "image/webp", size: WEBP.length } });
  await ali.stickers.rename("own", "dove", "White dove");
  await ali.stickers.remove("own", "حمامة");
  await untilPack(ali, "own", ["White dove"]);
  // Nobody else has it.
  expect(pack(sara.stickers.packsOf(roomId).get(), "own")?.stickers).toEqual([]);
});

test("a room's pack is seen by its members, changed by those who may, and offered elsewhere when wanted", async () => {
  const groupId = await ali.createGroup({ kind: "channel", name: "Pigeons", invite: [sara.userId], access: "private" });
  await untilChat(sara, groupId, ({ membership }) => membership === "invite");
  await sara.openChat(groupId).accept();
  await untilChat(sara, groupId, ({ membership }) => membership === "join");
  const empty = await untilPack(ali, "room", [], groupId);
  await ali.stickers.add(empty.place, picture(), "Race day");
  const seen = await untilPack(sara, "room", ["Race day"], groupId);
  expect(seen).toMatchObject({ name: "Pigeons", mayChange: false, isEverywhere: false });
  await expect(sara.stickers.remove(seen.place, "race_day")).rejects.toMatchObject({ code: "forbidden" });
  if (seen.place === "own") throw new Error("not a room's pack");

  const { place } = seen;
  const elsewhere = sara.stickers.packsOf(sarasChat.roomId);
  const offered = (packs: readonly StickerPack[]): boolean => packs.some((each) => each.name === "Pigeons" && each.stickers.length === 1);
  expect(offered(elsewhere.get())).toBe(false);
  await sara.stickers.setEverywhere(place, true);
  await until("the pack in another chat", elsewhere, offered);
  await sara.stickers.setEverywhere(place, false);
  await until("the pack gone from there", elsewhere, (packs) => !offered(packs));
});

test("a sticker goes by its address where nothing is encrypted, in its thread or as an answer", async () => {
  const [sticker] = (await untilPack(ali, "own", ["White dove"])).stickers;
  alisChat.sendText(write("look"));
  const { eventId } = await untilMessage("the text", sarasChat, isText("look"));
  sarasChat.sendSticker(sticker!, eventId!);
  const seen = await untilMessage("the sticker", alisChat, ({ body }) => body.kind === "sticker");
  expect(seen).toMatchObject({ replyTo: eventId, body: { name: "White dove", picture: { source: { mxc: sticker!.source.mxc }, width: 1, height: 1 } } });
  alisChat.thread(eventId!).sendSticker(sticker!);
  expect(await untilMessage("in the thread", sarasChat.thread(eventId!), ({ body }) => body.kind === "sticker")).toMatchObject({ threadRoot: eventId });
});

test("what was sent last is remembered, also after a new start", async () => {
  const [sticker] = (await untilPack(ali, "own", ["White dove"])).stickers;
  ali.stickers.noteUse(sticker!);
  expect(ali.stickers.recent.get()).toEqual([sticker!.source.mxc]);
});
