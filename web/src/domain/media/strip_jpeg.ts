import type { Piece } from "./byte_source";
import { startsWith, u16be, u8 } from "./bytes";
import { readOrientation } from "./dimensions";

/**
 * A JPEG without EXIF, XMP, IPTC, comments, embedded previews and anything behind its end (Multi-Picture Format, motion photos).
 * What decides how it looks is kept: the colour profile, Adobe's colour transform, JFIF, and the orientation as an EXIF block of that one value.
 * Undefined if it is no whole JPEG.
 */
export function stripJpeg(bytes: Uint8Array): Piece[] | undefined {
  const kept: Piece[] = [{ from: 0, to: 2 }];
  let orientation = 1;
  for (let at = 2; at + 4 <= bytes.length; ) {
    if (u8(bytes, at) !== 0xff) return undefined;
    const marker = u8(bytes, at + 1);
    if (marker === 0xff) {
      at++;
      continue;
    }
    if (marker === 0xda) {
      const end = findEnd(bytes, at);
      if (end === undefined) return undefined;
      if (orientation > 1) kept.splice(1, 0, orientationSegment(orientation));
      kept.push({ from: at, to: end });
      return kept;
    }
    if (marker === 0xd9) return undefined;
    const end = at + 2 + u16be(bytes, at + 2);
    if (end < at + 4 || end > bytes.length) return undefined;
    if (marker === 0xe1) orientation = Math.max(orientation, readOrientation(bytes.subarray(at + 4, end)));
    if (isNeeded(bytes, at, marker)) kept.push({ from: at, to: end });
    at = end;
  }
  return undefined;
}

function isNeeded(bytes: Uint8Array, at: number, marker: number): boolean {
  // APP0 is JFIF (without JFXX, which is a preview), APP2 the ICC profile (or MPF, which is not needed), APP14 Adobe's colour transform.
  if (marker === 0xe0) return startsWith(bytes, "JFIF\0", at + 4);
  if (marker === 0xe2) return startsWith(bytes, "ICC_PROFILE\0", at + 4);
  if (marker === 0xee) return startsWith(bytes, "Adobe", at + 4);
  return !(marker >= 0xe0 && marker <= 0xef) && marker !== 0xfe;
}

/**
 * Position after the End Of Image marker. Entropy-coded data holds 0xff only before 0x00 or a restart marker; a progressive picture has further
 * tables and scans, whose segments are skipped by their length.
 */
function findEnd(bytes: Uint8Array, scan: number): number | undefined {
  let at = scan;
  while (at + 1 < bytes.length) {
    const next = bytes.indexOf(0xff, at);
    if (next < 0 || next + 1 >= bytes.length) return undefined;
    const marker = u8(bytes, next + 1);
    if (marker === 0xd9) return next + 2;
    if (marker === 0xff) at = next + 1;
    else if (marker === 0 || (marker >= 0xd0 && marker <= 0xd7)) at = next + 2;
    else at = next + 2 + Math.max(2, u16be(bytes, next + 2));
  }
  return undefined;
}

/** APP1 with a TIFF directory of one entry, 0x0112. */
function orientationSegment(orientation: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(
    0xff, 0xe1, 0, 34, 0x45, 0x78, 0x69, 0x66, 0, 0, // length 34, "Exif\0\0"
    0x4d, 0x4d, 0, 0x2a, 0, 0, 0, 8, // big-endian TIFF, directory at 8
    0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, // one entry: orientation, SHORT, 1 value
    0, 0, 0, 0, // no further directory
  );
}
