import { encodeBlurhash } from "@/domain/media/blurhash";
import { applyPiecesToBlob, blobSource } from "@/domain/media/byte_source";
import { checkDimensions, fitInto } from "@/domain/media/dimensions";
import { COMPRESSED_SIDE_MAX, PICTURE_BYTES_MAX, STICKER_MOVING_BYTES_MAX, STICKER_SIDE_MAX, THUMBNAIL_SIDE_MAX, THUMBNAIL_WORTH_BYTES, WAVEFORM_SOURCE_BYTES_MAX } from "@/domain/media/limits";
import type { Inspected } from "@/domain/media/ports";
import type { SniffedType } from "@/domain/media/sniff";
import { stripMetadata } from "@/domain/media/strip_metadata";
import { computeWaveform } from "@/domain/media/waveform";
import type { OutgoingFile } from "@/domain/engine";
import { Problem } from "@/domain/problem";
import type { StickerPicture } from "@/domain/stickers";
import { decodeSamples } from "@/platform/media_audio";
import { readPixels, scalePicture } from "@/platform/media_image";
import { probeAudio, probeVideo } from "@/platform/media_video";
import { measurePicture, sniffBlob } from "./media_check";

/** A file as it goes out: cleaned, measured, with a small picture. Nothing of it is encrypted yet. */
export interface PreparedFile {
  readonly data: Blob;
  readonly mimeType: string;
  readonly name: string;
  readonly kind: OutgoingFile["kind"];
  readonly width?: number;
  readonly height?: number;
  readonly durationMs?: number;
  readonly waveform?: readonly number[];
  readonly blurhash?: string;
  readonly thumbnail?: { readonly data: Blob; readonly mimeType: string; readonly width: number; readonly height: number };
}

type Looks = Pick<PreparedFile, "width" | "height" | "blurhash" | "thumbnail" | "durationMs" | "waveform">;

/** What the person is about to send, from headers only. */
export async function inspectFile(file: Blob, sizeMax: number | undefined): Promise<Inspected> {
  const type = await sniffBlob(file);
  const warning = (await keepsMetadata(file, type)) ? { warning: "media.keeps_metadata" as const } : {};
  const basis = { kind: type.inline ? type.kind : ("file" as const), mimeType: type.mimeType, size: file.size, ...warning };
  if (file.size === 0) return { ...basis, problem: "media.empty_file" };
  if (sizeMax !== undefined && file.size > sizeMax) return { ...basis, problem: "media.too_big" };
  if (basis.kind !== "image") return basis;
  if (file.size > PICTURE_BYTES_MAX) return { ...basis, problem: "media.too_many_pixels" };
  const found = await measurePicture(file, type);
  const problem = checkDimensions(found);
  const size = found ? { width: found.width, height: found.height } : {};
  return { ...basis, ...size, ...(problem ? { problem: `media.${problem}` as const } : {}) };
}

async function keepsMetadata(file: Blob, type: SniffedType): Promise<boolean> {
  // Pictures and sounds are cleaned when they are sent; only films and documents are worth asking before.
  if (type.inline && type.kind !== "video" && type.mimeType !== "image/avif") return false;
  return !(await stripMetadata(blobSource(file), type.mimeType)).complete;
}

/** A smaller copy of a picture; the file itself if it moves or would not become smaller. */
export async function compressPicture(file: Blob): Promise<Blob> {
  const type = await sniffBlob(file);
  const found = await measurePicture(file, type);
  if (type.kind !== "image" || !type.inline || !found || checkDimensions(found) || found.frames > 1) return file;
  const { width, height } = fitInto(found.width, found.height, COMPRESSED_SIDE_MAX);
  const small = await scalePicture(file, width, height, (await isTransparent(file)) ? "image/webp" : "image/jpeg");
  return small.size < file.size ? small : file;
}

/** A picture as a sticker: small enough for a pack, transparent where it was, nothing but its pixels. */
export async function shapeSticker(file: Blob): Promise<StickerPicture> {
  const type = await sniffBlob(file);
  const found = type.kind === "image" && type.inline ? await measurePicture(file, type) : undefined;
  const problem = checkDimensions(found);
  if (problem === "too_many_pixels") throw new Problem("media_too_many_pixels");
  if (problem || !found) throw new Problem("media_broken");
  const { width, height } = fitInto(found.width, found.height, STICKER_SIDE_MAX);
  if (found.frames > 1 && width === found.width && height === found.height && file.size <= STICKER_MOVING_BYTES_MAX) {
    const { pieces, complete } = await stripMetadata(blobSource(file), type.mimeType);
    const clean = applyPiecesToBlob(file, pieces);
    if (complete) return { file: clean.slice(0, clean.size, type.mimeType), width, height };
  }
  // Safari writes PNG when asked for WebP.
  return { file: await scalePicture(file, width, height, "image/webp", 0.9), width, height };
}

/** Cleans, measures and pictures a file. Throws a Problem if it cannot be sent as what it is given for. */
export async function prepareFile(outgoing: Pick<OutgoingFile, "file" | "name" | "kind" | "durationMs" | "waveform">): Promise<PreparedFile> {
  const { file } = outgoing;
  if (file.size === 0) throw new Problem("media_empty");
  const type = await sniffBlob(file);
  const { pieces } = await stripMetadata(blobSource(file), type.mimeType);
  const data = applyPiecesToBlob(file, pieces);
  // What the bytes are wins over what they are called: others check it too and would not show it.
  const kind = type.kind === matchingKind(outgoing.kind) && type.inline ? outgoing.kind : "file";
  const typed = data.slice(0, data.size, type.mimeType);
  return { data: typed, mimeType: type.mimeType, name: outgoing.name, kind, ...(await look(typed, kind, type, outgoing)) };
}

function matchingKind(kind: OutgoingFile["kind"]): SniffedType["kind"] {
  if (kind === "sticker") return "image";
  return kind === "voice" ? "audio" : kind;
}

async function look(data: Blob, kind: OutgoingFile["kind"], type: SniffedType, given: Pick<OutgoingFile, "durationMs" | "waveform">): Promise<Looks> {
  if (kind === "image" || kind === "sticker") return lookAtPicture(data, type);
  if (kind === "video") return lookAtVideo(data);
  if (kind === "audio" || kind === "voice") return listen(data, given);
  return {};
}

async function lookAtPicture(data: Blob, type: SniffedType): Promise<Looks> {
  const found = await measurePicture(data, type);
  const problem = checkDimensions(found);
  if (problem === "too_many_pixels") throw new Problem("media_too_many_pixels");
  if (problem || !found) throw new Problem("media_broken");
  const size = { width: found.width, height: found.height, blurhash: await hashPicture(data, found.width, found.height) };
  const side = Math.max(found.width, found.height);
  if (data.size <= THUMBNAIL_WORTH_BYTES || (side <= THUMBNAIL_SIDE_MAX && found.frames === 1)) return size;
  const small = fitInto(found.width, found.height, THUMBNAIL_SIDE_MAX);
  const mimeType = (await isTransparent(data)) ? "image/webp" : "image/jpeg";
  const thumbnail = await scalePicture(data, small.width, small.height, mimeType, 0.75);
  // Safari writes PNG when asked for WebP.
  return thumbnail.size < data.size * 0.8 ? { ...size, thumbnail: { data: thumbnail, mimeType: thumbnail.type, ...small } } : size;
}

async function lookAtVideo(data: Blob): Promise<Looks> {
  // A film that this browser cannot play may play elsewhere: it goes without a picture.
  const facts = await probeVideo(data, THUMBNAIL_SIDE_MAX).catch(() => undefined);
  if (!facts) return {};
  const basis = { width: facts.width, height: facts.height, durationMs: facts.durationMs };
  if (!facts.poster) return basis;
  const { poster } = facts;
  return { ...basis, blurhash: await hashPicture(poster.data, poster.width, poster.height), thumbnail: { ...poster, mimeType: "image/jpeg" } };
}

async function listen(data: Blob, given: Pick<OutgoingFile, "durationMs" | "waveform">): Promise<Looks> {
  if (given.waveform && given.durationMs) return { waveform: given.waveform, durationMs: given.durationMs };
  const durationMs = given.durationMs ?? (await probeAudio(data)) ?? 0;
  const samples = data.size <= WAVEFORM_SOURCE_BYTES_MAX ? await decodeSamples(data) : undefined;
  return samples ? { durationMs, waveform: computeWaveform(samples) } : { durationMs };
}

async function hashPicture(data: Blob, width: number, height: number): Promise<string> {
  const small = fitInto(width, height, 32);
  const pixels = await readPixels(data, small.width, small.height);
  return encodeBlurhash(pixels.rgba, pixels.width, pixels.height);
}

async function isTransparent(file: Blob): Promise<boolean> {
  if (file.type === "image/jpeg") return false;
  const { rgba } = await readPixels(file, 32, 32);
  for (let at = 3; at < rgba.length; at += 4) if ((rgba[at] ?? 255) < 250) return true;
  return false;
}
