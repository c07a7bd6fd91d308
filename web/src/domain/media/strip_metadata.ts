import type { ByteSource, Stripped } from "./byte_source";
import { PICTURE_BYTES_MAX } from "./limits";
import { stripGif } from "./strip_gif";
import { stripJpeg } from "./strip_jpeg";
import { stripMp4 } from "./strip_mp4";
import { stripOgg } from "./strip_ogg";
import { stripPng } from "./strip_png";
import { stripFlac, stripMp3, stripWav } from "./strip_sound";
import { stripWebm } from "./strip_webm";
import { stripWebp } from "./strip_webp";

const PICTURES = { "image/jpeg": stripJpeg, "image/png": stripPng, "image/gif": stripGif, "image/webp": stripWebp } as const;
const STREAMS = {
  "audio/ogg": stripOgg,
  "video/ogg": stripOgg,
  "audio/webm": stripWebm,
  "video/webm": stripWebm,
  "video/x-matroska": stripWebm,
  "audio/mpeg": stripMp3,
  "audio/aac": stripMp3,
  "audio/flac": stripFlac,
  "audio/wav": stripWav,
} as const;
const MP4 = new Set(["video/mp4", "video/quicktime", "audio/mp4"]);
/** Kinds of files that usually name their author, place or history, and that we cannot clean: PDF, Office, archives, HEIC, AVIF, TIFF. */
const CARRIERS = /^(application\/(pdf|rtf|x-ole-storage|epub\+zip|zip|vnd\.(openxmlformats|oasis)\..*)|image\/(heic|avif|tiff))$/;

/**
 * `source` without what it tells about its maker, place and time. `complete` is false where metadata may remain; the person is told so
 * before sending. A file that has nothing of the kind, or is broken, comes back as it is.
 */
export async function stripMetadata(source: ByteSource, mimeType: string): Promise<Stripped> {
  const untouched = (complete: boolean): Stripped => ({ pieces: [{ from: 0, to: source.size }], complete });
  if (MP4.has(mimeType)) return (await stripMp4(source)) ?? untouched(false);
  if (mimeType in PICTURES) {
    if (source.size > PICTURE_BYTES_MAX) return untouched(false);
    const pieces = PICTURES[mimeType as keyof typeof PICTURES](await source.read(0, source.size));
    return pieces ? { pieces, complete: true } : untouched(false);
  }
  if (mimeType in STREAMS) {
    const pieces = await STREAMS[mimeType as keyof typeof STREAMS](source);
    return pieces ? { pieces, complete: true } : untouched(false);
  }
  return untouched(!CARRIERS.test(mimeType));
}
