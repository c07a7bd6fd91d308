import { latin1, startsWith, u8, u32be } from "./bytes";

/** Bytes that `sniffType` looks at. */
export const SNIFF_BYTES = 4_096;

export interface SniffedType {
  readonly mimeType: string;
  readonly kind: "image" | "video" | "audio" | "file";
  /** May be shown inside the page by an <img>, <video> or <audio>. Never true for SVG, HTML, XML, PDF: they may hold scripts. */
  readonly inline: boolean;
  /** File name ending that belongs to it, without the dot; "" if unknown. */
  readonly extension: string;
}

const UNKNOWN: SniffedType = { mimeType: "application/octet-stream", kind: "file", inline: false, extension: "" };

function media(mimeType: string, kind: SniffedType["kind"], extension: string, inline = true): SniffedType {
  return { mimeType, kind, inline, extension };
}

function document(mimeType: string, extension: string): SniffedType {
  return { mimeType, kind: "file", inline: false, extension };
}

/** What a file is, by its first bytes alone. Neither its name nor what its sender claims is looked at. */
export function sniffType(head: Uint8Array): SniffedType {
  return sniffPicture(head) ?? sniffBoxes(head) ?? sniffSound(head) ?? sniffDocument(head) ?? UNKNOWN;
}

function sniffPicture(head: Uint8Array): SniffedType | undefined {
  if (u8(head, 0) === 0xff && u8(head, 1) === 0xd8 && u8(head, 2) === 0xff) return media("image/jpeg", "image", "jpg");
  if (startsWith(head, "\x89PNG\r\n\x1a\n")) return media("image/png", "image", "png");
  if (startsWith(head, "GIF87a") || startsWith(head, "GIF89a")) return media("image/gif", "image", "gif");
  if (startsWith(head, "RIFF") && startsWith(head, "WEBP", 8)) return media("image/webp", "image", "webp");
  // Browsers show these two, but so few people send them that a decoder is not worth being reached by strangers.
  if (startsWith(head, "BM") && u32be(head, 6) === 0) return document("image/bmp", "bmp");
  if (startsWith(head, "II*\0") || startsWith(head, "MM\0*")) return document("image/tiff", "tif");
  return undefined;
}

const MP4_BRANDS = new Set(["isom", "iso2", "iso3", "iso4", "iso5", "iso6", "iso7", "iso8", "iso9", "mp41", "mp42", "mp71", "avc1", "dash", "MSNV", "M4V ", "M4VP", "M4VH", "f4v ", "3gp4", "3gp5", "3gp6", "3g2a", "mmp4", "cmfc", "hvc1"]);

/** ISO base media (MP4, MOV, M4A, HEIC, AVIF) and Matroska. */
function sniffBoxes(head: Uint8Array): SniffedType | undefined {
  if (startsWith(head, "ftyp", 4)) {
    const brand = latin1(head, 8, 12);
    if (brand === "avif" || brand === "avis") return media("image/avif", "image", "avif");
    if (["heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"].includes(brand)) return document("image/heic", "heic");
    if (brand === "M4A " || brand === "M4B ") return media("audio/mp4", "audio", "m4a");
    if (brand === "qt  ") return media("video/quicktime", "video", "mov");
    if (MP4_BRANDS.has(brand)) return media("video/mp4", "video", "mp4");
    return undefined;
  }
  if (["moov", "mdat", "wide", "free"].some((type) => startsWith(head, type, 4))) return media("video/quicktime", "video", "mov");
  if (u32be(head, 0) === 0x1a45dfa3) {
    const text = latin1(head, 0, 64);
    if (text.includes("webm")) return sniffWebm(head);
    if (text.includes("matroska")) return document("video/x-matroska", "mkv");
  }
  return undefined;
}

/** WebM of a voice recorder has no picture: its tracks are named within the first bytes. */
function sniffWebm(head: Uint8Array): SniffedType {
  const text = latin1(head, 0, SNIFF_BYTES);
  const hasVideo = /V_VP8|V_VP9|V_AV1|V_MPEG4/.test(text);
  const hasAudio = /A_OPUS|A_VORBIS/.test(text);
  return !hasVideo && hasAudio ? media("audio/webm", "audio", "webm") : media("video/webm", "video", "webm");
}

function sniffSound(head: Uint8Array): SniffedType | undefined {
  if (startsWith(head, "OggS")) {
    const text = latin1(head, 0, 256);
    if (/\x80theora|\x01video/.test(text)) return media("video/ogg", "video", "ogv");
    return media("audio/ogg", "audio", "ogg");
  }
  if (startsWith(head, "fLaC")) return media("audio/flac", "audio", "flac");
  if (startsWith(head, "RIFF") && startsWith(head, "WAVE", 8)) return media("audio/wav", "audio", "wav");
  if (startsWith(head, "ID3")) return media("audio/mpeg", "audio", "mp3");
  if (startsWith(head, "#!AMR")) return document("audio/amr", "amr");
  // A frame header: 11 bits of sync; layer 0 means AAC in ADTS, else MPEG sound with a valid bit rate and frequency.
  if (u8(head, 0) === 0xff && (u8(head, 1) & 0xe0) === 0xe0) {
    if ((u8(head, 1) & 0xf6) === 0xf0) return media("audio/aac", "audio", "aac");
    const isFrame = (u8(head, 1) & 0x18) !== 0x08 && (u8(head, 1) & 0x06) !== 0 && (u8(head, 2) & 0xf0) !== 0xf0 && (u8(head, 2) & 0x0c) !== 0x0c;
    if (isFrame) return media("audio/mpeg", "audio", "mp3");
  }
  return undefined;
}

function sniffDocument(head: Uint8Array): SniffedType | undefined {
  if (startsWith(head, "%PDF-")) return document("application/pdf", "pdf");
  if (startsWith(head, "PK\x03\x04") || startsWith(head, "PK\x05\x06")) return sniffZip(head);
  if (startsWith(head, "\x1f\x8b")) return document("application/gzip", "gz");
  if (startsWith(head, "7z\xbc\xaf\x27\x1c")) return document("application/x-7z-compressed", "7z");
  if (startsWith(head, "Rar!\x1a\x07")) return document("application/vnd.rar", "rar");
  if (startsWith(head, "MZ")) return document("application/vnd.microsoft.portable-executable", "exe");
  if (startsWith(head, "\x7fELF")) return document("application/x-executable", "");
  if (startsWith(head, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")) return document("application/x-ole-storage", "");
  if (startsWith(head, "{\\rtf")) return document("application/rtf", "rtf");
  return sniffText(head);
}

function sniffZip(head: Uint8Array): SniffedType {
  const names = latin1(head, 0, SNIFF_BYTES);
  if (names.includes("word/")) return document("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx");
  if (names.includes("xl/")) return document("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx");
  if (names.includes("ppt/")) return document("application/vnd.openxmlformats-officedocument.presentationml.presentation", "pptx");
  if (names.includes("mimetypeapplication/vnd.oasis.opendocument.text")) return document("application/vnd.oasis.opendocument.text", "odt");
  if (names.includes("mimetypeapplication/epub+zip")) return document("application/epub+zip", "epub");
  if (names.includes("AndroidManifest.xml")) return document("application/vnd.android.package-archive", "apk");
  return document("application/zip", "zip");
}

/** Markup is told apart from plain text so that nobody ever gives it to the page under a harmless name. */
function sniffText(head: Uint8Array): SniffedType | undefined {
  if (head.length === 0 || isUtf16(head)) return undefined;
  for (const byte of head) if (byte < 0x09 || (byte > 0x0d && byte < 0x20 && byte !== 0x1b)) return undefined;
  const start = latin1(head, 0, SNIFF_BYTES).replace(/^\xef\xbb\xbf/, "").trimStart().toLowerCase();
  if (start.startsWith("<svg") || (/^<(\?xml|!--|!doctype svg)/.test(start) && start.includes("<svg"))) return document("image/svg+xml", "svg");
  if (/^<(!doctype html|html|head|body|script|iframe|title|table|div|style|a[\s>]|p[\s>]|h1|img|br|font|b>)/.test(start)) return document("text/html", "html");
  if (start.startsWith("<?xml") || start.startsWith("<!")) return document("application/xml", "xml");
  return document("text/plain", "txt");
}

function isUtf16(head: Uint8Array): boolean {
  return (u8(head, 0) === 0xff && u8(head, 1) === 0xfe) || (u8(head, 0) === 0xfe && u8(head, 1) === 0xff);
}
