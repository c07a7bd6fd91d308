import { checkDimensions, readDimensions, type Dimensions } from "@/domain/media/dimensions";
import { PICTURE_BYTES_MAX } from "@/domain/media/limits";
import { SNIFF_BYTES, sniffType, type SniffedType } from "@/domain/media/sniff";
import { Problem } from "@/domain/problem";

/** The frame header of a JPEG may stand behind 64 KiB segments of a colour profile and previews. */
const HEADER_BYTES = 1024 * 1024;

export async function sniffBlob(file: Blob): Promise<SniffedType> {
  return sniffType(new Uint8Array(await file.slice(0, SNIFF_BYTES).arrayBuffer()));
}

/** Size of a picture from its headers. Moving ones are counted whole: their frames decide what they cost. */
export async function measurePicture(file: Blob, type: SniffedType): Promise<Dimensions | undefined> {
  const mayMove = type.mimeType === "image/gif" || type.mimeType === "image/webp";
  const bytes = new Uint8Array(await file.slice(0, mayMove ? PICTURE_BYTES_MAX : HEADER_BYTES).arrayBuffer());
  return readDimensions(bytes, type.mimeType);
}

/**
 * The file under the type that its bytes show, ready for the page. Pictures that would take too much to decode are refused, and so is
 * everything that could run scripts (it can still be saved).
 */
export async function admitToPage(file: Blob): Promise<{ readonly blob: Blob; readonly mimeType: string }> {
  const type = await sniffBlob(file);
  if (type.kind === "image" && type.inline) {
    if (file.size > PICTURE_BYTES_MAX) throw new Problem("media_too_big");
    const problem = checkDimensions(await measurePicture(file, type));
    if (problem === "too_many_pixels") throw new Problem("media_too_many_pixels");
    if (problem) throw new Problem("media_broken");
  }
  const mimeType = type.inline ? type.mimeType : "application/octet-stream";
  return { blob: file.type === mimeType ? file : file.slice(0, file.size, mimeType), mimeType };
}
