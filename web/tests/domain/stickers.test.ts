import { describe, expect, test } from "vitest";
import {
  buildStickerContent, findRecent, noteSticker, PACK_IMAGES_MAX, type PackPlace, PACKS_MAX, packId, parsePackName, parsePackRooms, parseStickers, RECENT_STICKERS_MAX, readRecentStickers,
  type StickerPack, withoutSticker, withPackRoom, withRenamed, withSticker,
} from "@/domain/stickers";

const URL = "mxc://example.org/abc";
const INFO = { mimetype: "image/webp", size: 1_000, w: 400, h: 300 };
const image = (more: object = {}): object => ({ url: URL, body: "A pigeon", info: INFO, ...more });

describe("packs that others have written", () => {
  test("a sticker has its name, its size and its address", () => {
    expect(parseStickers({ images: { pigeon: image() } })).toEqual([{ code: "pigeon", name: "A pigeon", source: { mxc: URL, mimeType: "image/webp", size: 1_000 }, width: 400, height: 300 }]);
    expect(parseStickers({ images: { pigeon: { url: URL } } })).toMatchObject([{ name: "pigeon", width: 0, height: 0 }]);
    expect(parsePackName({ pack: { display_name: "Birds\u202e" } })).toBe("Birds");
    expect(parsePackName({ pack: [] })).toBe("");
  });

  test("emoticons are no stickers; without a usage a picture is both", () => {
    const codes = (content: object): readonly string[] => parseStickers(content).map(({ code }) => code);
    expect(codes({ images: { a: image({ usage: ["emoticon"] }), b: image({ usage: ["sticker"] }), c: image({ usage: [] }), d: image({ usage: ["emoticon", "sticker"] }) } })).toEqual(["b", "c", "d"]);
    expect(codes({ pack: { usage: ["emoticon"] }, images: { a: image(), b: image({ usage: ["sticker"] }) } })).toEqual(["b"]);
  });

  test("whatever else is in it is left out", () => {
    const hostile = {
      a: null, b: [], c: "x", d: image({ url: "https://evil.example/x.png" }), e: image({ url: 5 }), f: image({ info: { mimetype: "image/svg+xml" } }), g: image({ info: { mimetype: "text/html" } }),
      h: image({ info: { ...INFO, size: 9_000_000_000 } }), ["i".repeat(200)]: image(), j: { file: { url: URL } }, k: image({ url: "mxc://example.org/../../x" }),
    };
    expect(parseStickers({ images: hostile })).toEqual([]);
    expect(parseStickers({ images: { a: image({ body: { x: 1 }, info: { w: -5, h: 1e12, mimetype: "image/png" } }) } })).toMatchObject([{ name: "a", width: 0, height: 0 }]);
    for (const content of [undefined, null, 5, "x", [], { images: [] }, { images: "x" }, { images: { __proto__: image() } }]) expect(parseStickers(content)).toEqual([]);
    expect(parseStickers({ images: { x: image({ body: "b".repeat(10_000) }) } })[0]!.name.length).toBeLessThanOrEqual(81);
  });

  test("a pack of any size is bounded, as are the rooms", () => {
    expect(parseStickers({ images: Object.fromEntries(Array.from({ length: 5_000 }, (_, at) => [`s${at}`, image()])) }).length).toBe(PACK_IMAGES_MAX);
    expect(parsePackRooms({ rooms: Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`!${at}:x`, { a: {}, b: {} }])) }).length).toBe(PACKS_MAX);
    expect(parsePackRooms({ rooms: { "!a:x": { "": {}, cats: {} }, "!b:x": [], "!c:x": 5 } })).toEqual([{ roomId: "!a:x", stateKey: "" }, { roomId: "!a:x", stateKey: "cats" }]);
  });
});

describe("changing a pack", () => {
  const others = { pack: { display_name: "Mine", "org.other": 1 }, images: { smile: image({ usage: ["emoticon"] }) }, "org.else": [1] };
  const add = (content: unknown, name: string): unknown => withSticker(content, name, { url: URL, info: INFO });

  test("what is added can be read, and what others have put there stays", () => {
    const added = add(others, "A Pigeon – حمامة");
    expect(added).toMatchObject({ ...others, images: { ...others.images, "a_pigeon_حمامة": { url: URL, body: "A Pigeon – حمامة", usage: ["sticker"] } } });
    expect(parseStickers(added)).toMatchObject([{ code: "a_pigeon_حمامة", name: "A Pigeon – حمامة", width: 400 }]);
    expect(withoutSticker(added, "a_pigeon_حمامة")).toEqual(others);
    expect(parseStickers(withRenamed(added, "a_pigeon_حمامة", "Dove"))).toMatchObject([{ code: "a_pigeon_حمامة", name: "Dove" }]);
    expect(withRenamed(others, "gone", "x")).toEqual(others);
  });

  test("two of one name are two", () => {
    expect(parseStickers(add(add(add(undefined, "Hi!"), "hi"), "…")).map(({ code }) => code)).toEqual(["hi", "hi_2", "sticker"]);
  });

  test("a room's pack is used everywhere, and no longer", () => {
    const place = { roomId: "!a:x", stateKey: "cats" };
    const on = withPackRoom({ "org.else": 1, rooms: { "!a:x": { "": {} }, "!b:x": { "": {} } } }, place, true);
    expect(on).toEqual({ "org.else": 1, rooms: { "!a:x": { "": {}, cats: {} }, "!b:x": { "": {} } } });
    expect(withPackRoom(on, place, false)).toEqual({ "org.else": 1, rooms: { "!a:x": { "": {} }, "!b:x": { "": {} } } });
    expect(withPackRoom(withPackRoom(undefined, place, true), place, false)).toEqual({ rooms: {} });
  });
});

test("what is sent by its address is a sticker for everybody", () => {
  const [sticker] = parseStickers({ images: { pigeon: image() } });
  expect(buildStickerContent(sticker!)).toEqual({ body: "A pigeon", url: URL, info: INFO });
  expect(buildStickerContent({ ...sticker!, width: 0, source: { mxc: URL, mimeType: "image/png", size: 0 } })).toEqual({ body: "A pigeon", url: URL, info: { mimetype: "image/png" } });
});

test("the last ones come first, each once, as long as they are offered", () => {
  const sticker = (name: string) => ({ code: name, name, source: { mxc: `mxc://x/${name}`, mimeType: "image/png", size: 1 }, width: 1, height: 1 });
  const pack = (place: PackPlace, names: readonly string[]): StickerPack => ({ id: packId(place), place, name: "", stickers: names.map(sticker), mayChange: true, isEverywhere: true });
  const recent = ["a", "b", "gone", "a", "c"].reduce<readonly string[]>((list, name) => noteSticker(list, `mxc://x/${name}`), []);
  expect(recent).toEqual(["mxc://x/c", "mxc://x/a", "mxc://x/gone", "mxc://x/b"]);
  expect(findRecent([pack("own", ["a", "b"]), pack({ roomId: "!r", stateKey: "" }, ["a", "c"])], recent).map(({ name }) => name)).toEqual(["c", "a", "b"]);
  expect(noteSticker(Array.from({ length: 100 }, (_, at) => `mxc://x/${at}`), "mxc://x/new").length).toBe(RECENT_STICKERS_MAX);
  expect(readRecentStickers(["mxc://x/a", 5, "x".repeat(1_000)])).toEqual(["mxc://x/a"]);
  expect(readRecentStickers({ length: 3 })).toEqual([]);
});
