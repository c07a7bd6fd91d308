import { cleanFileName } from "./bidi";
import { isServerName } from "./matrix_id";
import type { EncryptedFileKey, MediaSource, Picture } from "./message";
import { readChild, readInteger, readString, readToken } from "./untrusted";
import type { JsonRecord } from "./untrusted";

/** Decoded, 100 megapixels take 400 MB: such a picture is offered as a file and never drawn. */
export const PIXELS_MAX = 100_000_000;
export const SIDE_MAX = 65_535;
export const SIZE_MAX = Number.MAX_SAFE_INTEGER;
/** 24 hours. */
export const DURATION_MS_MAX = 86_400_000;
export const MXC_LENGTH_MAX = 512;

/** What gets the type of a file that must never be interpreted. */
export const OPAQUE_TYPE = "application/octet-stream";

const PICTURE_TYPES: ReadonlySet<string> = new Set(["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/apng", "image/bmp"]);
const VIDEO_TYPES: ReadonlySet<string> = new Set(["video/mp4", "video/webm", "video/ogg", "video/quicktime", "video/x-matroska", "video/3gpp"]);
const AUDIO_TYPES: ReadonlySet<string> = new Set([
  "audio/ogg", "audio/opus", "audio/mpeg", "audio/mp3", "audio/mp4", "audio/aac", "audio/x-m4a", "audio/m4a", "audio/wav", "audio/x-wav", "audio/wave", "audio/webm", "audio/flac", "audio/x-flac", "audio/3gpp", "audio/amr",
]);
/** Other types that say something useful and that no browser runs. */
const FILE_TYPES: ReadonlySet<string> = new Set([
  "application/pdf", "application/zip", "application/gzip", "application/x-7z-compressed", "application/x-tar", "application/json", "application/rtf", "application/epub+zip",
  "application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint", "application/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.spreadsheet",
  "application/vnd.oasis.opendocument.presentation", "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "application/vnd.openxmlformats-officedocument.presentationml.presentation",
  "text/plain", "text/csv", "text/calendar", "text/vcard", "text/markdown",
]);

export type MediaClass = "picture" | "video" | "audio" | "file";

/** The type a file may be given here: one of the lists above, else octet-stream. SVG and HTML are on none of them. */
export function safeMimeType(claimed: string | undefined): string {
  const type = (claimed ?? "").slice(0, 100).split(";", 1)[0]?.trim().toLowerCase() ?? "";
  return PICTURE_TYPES.has(type) || VIDEO_TYPES.has(type) || AUDIO_TYPES.has(type) || FILE_TYPES.has(type) ? type : OPAQUE_TYPE;
}

export function mediaClass(mimeType: string): MediaClass {
  if (PICTURE_TYPES.has(mimeType)) return "picture";
  if (VIDEO_TYPES.has(mimeType)) return "video";
  return AUDIO_TYPES.has(mimeType) ? "audio" : "file";
}

/** Whether content of this kind may be shown in place: of a listed type, or of none claimed (browsers never guess SVG or HTML for octet-stream). */
export function isInline(info: JsonRecord | undefined, wanted: MediaClass): boolean {
  const claimed = info?.["mimetype"];
  if (claimed === undefined || claimed === null || claimed === "" || claimed === OPAQUE_TYPE) return true;
  return typeof claimed === "string" && mediaClass(safeMimeType(claimed)) === wanted;
}

export function isMxc(text: string): boolean {
  const parts = /^mxc:\/\/([^/]+)\/([A-Za-z0-9_-]{1,255})$/u.exec(text);
  return parts !== null && text.length <= MXC_LENGTH_MAX && isServerName(parts[1] ?? "");
}

/** The file of `content`: `url`, or `file` if it is encrypted. */
export function parseSource(content: JsonRecord | undefined, info: JsonRecord | undefined, names = { url: "url", file: "file" }): MediaSource | undefined {
  const mimeType = safeMimeType(readString(info, "mimetype"));
  const size = readInteger(info, "size", 0, SIZE_MAX) ?? 0;
  const file = readChild(content, names.file);
  if (file !== undefined) {
    const mxc = readToken(file, "url", MXC_LENGTH_MAX);
    const key = parseKey(file);
    return mxc !== undefined && isMxc(mxc) && key !== undefined ? { mxc, key, mimeType, size } : undefined;
  }
  const mxc = readToken(content, names.url, MXC_LENGTH_MAX);
  return mxc !== undefined && isMxc(mxc) ? { mxc, mimeType, size } : undefined;
}

const BASE64_32_BYTES = /^[A-Za-z0-9+/_-]{43}=?$/u;
const BASE64_16_BYTES = /^[A-Za-z0-9+/_-]{22}(?:==)?$/u;

function parseKey(file: JsonRecord): EncryptedFileKey | undefined {
  const key = readChild(file, "key");
  const k = readToken(key, "k", 64);
  const iv = readToken(file, "iv", 64);
  const sha256 = readToken(readChild(file, "hashes"), "sha256", 64);
  if (readToken(key, "alg", 16) !== "A256CTR" || k === undefined || iv === undefined || sha256 === undefined) return undefined;
  return BASE64_32_BYTES.test(k) && BASE64_16_BYTES.test(iv) && BASE64_32_BYTES.test(sha256) ? { k, iv, sha256 } : undefined;
}

/** A picture, or the picture of a video; undefined if there is none to show (missing, too large, of another type). */
export function parsePicture(source: MediaSource, info: JsonRecord | undefined): Picture | undefined {
  const width = readInteger(info, "w", 0, Number.MAX_SAFE_INTEGER) ?? 0;
  const height = readInteger(info, "h", 0, Number.MAX_SAFE_INTEGER) ?? 0;
  if (width > SIDE_MAX || height > SIDE_MAX || width * height > PIXELS_MAX) return undefined;
  const known = width > 0 && height > 0;
  const thumbnail = parseThumbnail(info);
  const blurhash = readToken(info, "xyz.amorgan.blurhash", 256) ?? readToken(info, "blurhash", 256);
  return {
    source,
    ...(thumbnail === undefined ? {} : { thumbnail }),
    width: known ? width : 0,
    height: known ? height : 0,
    ...(blurhash !== undefined && isBlurhash(blurhash) ? { blurhash } : {}),
  };
}

function parseThumbnail(info: JsonRecord | undefined): MediaSource | undefined {
  const thumbnailInfo = readChild(info, "thumbnail_info");
  if (!isInline(thumbnailInfo, "picture")) return undefined;
  const source = parseSource(info, thumbnailInfo, { url: "thumbnail_url", file: "thumbnail_file" });
  return source !== undefined && parsePictureSize(thumbnailInfo) ? source : undefined;
}

function parsePictureSize(info: JsonRecord | undefined): boolean {
  const width = readInteger(info, "w", 0, Number.MAX_SAFE_INTEGER) ?? 0;
  const height = readInteger(info, "h", 0, Number.MAX_SAFE_INTEGER) ?? 0;
  return width <= SIDE_MAX && height <= SIDE_MAX && width * height <= PIXELS_MAX;
}

const BASE83 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~";

/** The length says how many components there are; a decoder must be able to rely on it. */
export function isBlurhash(text: string): boolean {
  if (text.length < 6 || [...text].some((letter) => !BASE83.includes(letter))) return false;
  const size = BASE83.indexOf(text[0] ?? "");
  return size < 81 && text.length === 4 + 2 * ((size % 9) + 1) * (Math.floor(size / 9) + 1);
}

/** The name to save a file under, and whether `body` is a caption instead (client-server API, "Media captions"). */
export function parseFileName(content: JsonRecord, fallback: string): { readonly name: string; readonly hasCaption: boolean } {
  const filename = cleanFileName(readString(content, "filename") ?? "");
  const body = readString(content, "body") ?? "";
  if (filename !== "") return { name: filename, hasCaption: body.trim() !== "" && body !== readString(content, "filename") };
  return { name: cleanFileName(body) || fallback, hasCaption: false };
}
