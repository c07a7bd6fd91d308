import { cleanName } from "./bidi";
import type { MediaSource } from "./message";
import { isInline, parseSource, SIDE_MAX } from "./message_body_media";
import type { Readable } from "./store";
import { type JsonRecord, readChild, readInteger, readList, readRecord, readString } from "./untrusted";

/** Image packs as other Matrix clients keep them (MSC2545): one's own in account data, a room's in its state, and which rooms' packs one uses everywhere. */
export const OWN_PACK_TYPE = "im.ponies.user_emotes";
export const ROOM_PACK_TYPE = "im.ponies.room_emotes";
export const PACK_ROOMS_TYPE = "im.ponies.emote_rooms";

export interface StickerImage {
  /** Its name within the pack ("shortcode"). */
  readonly code: string;
  /** What it shows, in words. */
  readonly name: string;
  readonly source: MediaSource;
  /** Pixels; 0 if not told. */
  readonly width: number;
  readonly height: number;
}

/** Where a pack is kept: in one's account, or in a room under a state key. */
export type PackPlace = "own" | { readonly roomId: string; readonly stateKey: string };

export interface StickerPack {
  readonly id: string;
  readonly place: PackPlace;
  /** Empty for one's own, and for a room's without a name. */
  readonly name: string;
  readonly stickers: readonly StickerImage[];
  readonly mayChange: boolean;
  /** A room's pack that is offered in all chats. */
  readonly isEverywhere: boolean;
}

/** A picture made ready to be a sticker: small, and without metadata. */
export interface StickerPicture {
  readonly file: Blob;
  readonly width: number;
  readonly height: number;
}

export interface Stickers {
  /** What is offered in a chat: one's own pack, the room's, and those of other rooms that are used everywhere. One's own is there even if empty, as is a room's that may be changed. */
  packsOf(roomId: string): Readable<readonly StickerPack[]>;
  /** Addresses (mxc) of the stickers sent last from this device, the newest first. */
  readonly recent: Readable<readonly string[]>;
  noteUse(sticker: StickerImage): void;
  add(place: PackPlace, picture: StickerPicture, name: string): Promise<void>;
  rename(place: PackPlace, code: string, name: string): Promise<void>;
  remove(place: PackPlace, code: string): Promise<void>;
  setEverywhere(place: Exclude<PackPlace, "own">, isEverywhere: boolean): Promise<void>;
}

/** Pictures read of one pack; a room's state event has no space for more than some 500. */
export const PACK_IMAGES_MAX = 500;
/** Pictures one may put into a pack, so that it stays below the size of an event. */
export const PACK_IMAGES_OWN_MAX = 150;
export const PACKS_MAX = 50;
export const RECENT_STICKERS_MAX = 24;
export const STICKER_NAME_LENGTH_MAX = 80;
const CODE_LENGTH_MAX = 100;
/** As its pack claims; files are measured again before they are shown. */
const STICKER_BYTES_MAX = 4 * 1024 * 1024;
const ENTRIES_LOOKED_AT_MAX = 2_000;
const USAGES_MAX = 10;

/** The stickers of a pack anybody may have written: emoticons, files of other kinds and what is too large are left out. */
export function parseStickers(content: unknown): readonly StickerImage[] {
  const pack = readRecord(content);
  const images = readChild(pack, "images");
  const otherwise = usagesOf(readChild(pack, "pack"));
  const found: StickerImage[] = [];
  for (const code of Object.keys(images ?? {}).slice(0, ENTRIES_LOOKED_AT_MAX)) {
    if (found.length >= PACK_IMAGES_MAX) break;
    const sticker = parseSticker(code, readChild(images, code), otherwise);
    if (sticker) found.push(sticker);
  }
  return found;
}

/** Without a usage a picture is for everything. */
function usagesOf(record: JsonRecord | undefined): readonly unknown[] {
  return readList(record, "usage", USAGES_MAX);
}

function parseSticker(code: string, image: JsonRecord | undefined, otherwise: readonly unknown[]): StickerImage | undefined {
  if (image === undefined || code === "" || code.length > CODE_LENGTH_MAX) return undefined;
  const own = usagesOf(image);
  const usages = own.length > 0 ? own : otherwise;
  if (usages.length > 0 && !usages.includes("sticker")) return undefined;
  const info = readChild(image, "info");
  const source = isInline(info, "picture") ? parseSource({ url: image["url"] }, info) : undefined;
  if (!source || source.size > STICKER_BYTES_MAX) return undefined;
  const name = cleanName(readString(image, "body") ?? "", STICKER_NAME_LENGTH_MAX) || cleanName(code, STICKER_NAME_LENGTH_MAX);
  return { code, name, source, width: readInteger(info, "w", 1, SIDE_MAX) ?? 0, height: readInteger(info, "h", 1, SIDE_MAX) ?? 0 };
}

export function parsePackName(content: unknown): string {
  return cleanName(readString(readChild(readRecord(content), "pack"), "display_name") ?? "", STICKER_NAME_LENGTH_MAX);
}

/** Packs of rooms that are used everywhere. */
export function parsePackRooms(content: unknown): readonly Exclude<PackPlace, "own">[] {
  const rooms = readChild(readRecord(content), "rooms");
  const places = Object.keys(rooms ?? {}).slice(0, PACKS_MAX).flatMap((roomId) => Object.keys(readChild(rooms, roomId) ?? {}).slice(0, PACKS_MAX).map((stateKey) => ({ roomId, stateKey })));
  return places.slice(0, PACKS_MAX);
}

export function packId(place: PackPlace): string {
  return place === "own" ? "own" : JSON.stringify([place.roomId, place.stateKey]);
}

/** All a pack's content with one more sticker; what others have put there stays. */
export function withSticker(content: unknown, name: string, image: { readonly url: string; readonly info: JsonRecord }): JsonRecord {
  const pack = readRecord(content) ?? {};
  const images = readChild(pack, "images") ?? {};
  const body = cleanName(name, STICKER_NAME_LENGTH_MAX);
  return { ...pack, images: { ...images, [freeCode(body, images)]: { url: image.url, body, info: image.info, usage: ["sticker"] } } };
}

export function withRenamed(content: unknown, code: string, name: string): JsonRecord {
  const pack = readRecord(content) ?? {};
  const images = readChild(pack, "images") ?? {};
  const image = readChild(images, code);
  return image === undefined ? pack : { ...pack, images: { ...images, [code]: { ...image, body: cleanName(name, STICKER_NAME_LENGTH_MAX) } } };
}

export function withoutSticker(content: unknown, code: string): JsonRecord {
  const pack = readRecord(content) ?? {};
  return { ...pack, images: Object.fromEntries(Object.entries(readChild(pack, "images") ?? {}).filter(([each]) => each !== code)) };
}

export function withPackRoom(content: unknown, { roomId, stateKey }: Exclude<PackPlace, "own">, isEverywhere: boolean): JsonRecord {
  const before = readRecord(content) ?? {};
  const rooms = readChild(before, "rooms") ?? {};
  const others = Object.entries(readChild(rooms, roomId) ?? {}).filter(([key]) => key !== stateKey);
  const keys = Object.fromEntries(isEverywhere ? [...others, [stateKey, {}]] : others);
  const kept = Object.entries(rooms).filter(([id]) => id !== roomId);
  return { ...before, rooms: Object.fromEntries(Object.keys(keys).length === 0 ? kept : [...kept, [roomId, keys]]) };
}

/** Letters and digits of the name in any script; other clients write it between colons. */
function freeCode(name: string, images: JsonRecord): string {
  const stem = name.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "_").replace(/^_+|_+$/gu, "") || "sticker";
  for (let number = 1; ; number += 1) {
    const code = number === 1 ? stem : `${stem}_${number}`;
    if (!Object.hasOwn(images, code)) return code;
  }
}

/** `m.sticker` of a picture that is at the server already, for chats that are not encrypted. */
export function buildStickerContent({ name, source, width, height }: StickerImage): Record<string, unknown> {
  const info = { mimetype: source.mimeType, ...(source.size > 0 ? { size: source.size } : {}), ...(width > 0 && height > 0 ? { w: width, h: height } : {}) };
  return { body: name, url: source.mxc, info };
}

export function noteSticker(recent: readonly string[], mxc: string): readonly string[] {
  return [mxc, ...recent.filter((each) => each !== mxc)].slice(0, RECENT_STICKERS_MAX);
}

/** From storage. */
export function readRecentStickers(saved: unknown): readonly string[] {
  return Array.isArray(saved) ? saved.filter((each): each is string => typeof each === "string" && each.length <= 512).slice(0, RECENT_STICKERS_MAX) : [];
}

/** The stickers sent last that are still offered, the newest first. */
export function findRecent(packs: readonly StickerPack[], recent: readonly string[]): readonly StickerImage[] {
  return recent.flatMap((mxc) => packs.flatMap(({ stickers }) => stickers.filter(({ source }) => source.mxc === mxc)).slice(0, 1));
}
