import { MediaFailure } from "./media_failure";

export interface Pixels {
  readonly rgba: Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

/**
 * Decoding happens off the main thread (createImageBitmap), and at the asked size. Callers check the picture's dimensions in its headers first:
 * a decoder must never meet a picture that is too large.
 */
async function decode(file: Blob, options: ImageBitmapOptions): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(file, { imageOrientation: "from-image", ...options });
  } catch (error) {
    throw new MediaFailure("media_broken", undefined, error);
  }
}

function draw(bitmap: ImageBitmap, width: number, height: number, background?: string): OffscreenCanvasRenderingContext2D {
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (!context) throw new MediaFailure("media_broken");
  if (background) {
    context.fillStyle = background;
    context.fillRect(0, 0, width, height);
  }
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  return context;
}

/** A new picture of exactly this size (the caller keeps the proportions). Nothing but pixels survives: no metadata. */
export async function scalePicture(file: Blob, width: number, height: number, type: "image/jpeg" | "image/webp" | "image/png", quality = 0.82): Promise<Blob> {
  const bitmap = await decode(file, { resizeWidth: width, resizeHeight: height, resizeQuality: "high" });
  try {
    const context = draw(bitmap, width, height, type === "image/jpeg" ? "#fff" : undefined);
    return await context.canvas.convertToBlob({ type, quality });
  } finally {
    bitmap.close();
  }
}

/** A few pixels of a picture, for its blurhash and to see whether it is transparent anywhere. */
export async function readPixels(file: Blob, width: number, height: number): Promise<Pixels> {
  const bitmap = await decode(file, { resizeWidth: width, resizeHeight: height, resizeQuality: "medium" });
  try {
    return { rgba: draw(bitmap, width, height).getImageData(0, 0, width, height).data, width, height };
  } finally {
    bitmap.close();
  }
}

/** A square JPEG cut from the upright picture; `x`, `y`, `size` in its pixels. */
export async function cropPicture(file: Blob, area: { readonly x: number; readonly y: number; readonly size: number }, side: number): Promise<Blob> {
  const size = Math.max(1, Math.round(area.size));
  // Cropping by drawImage: Safari's createImageBitmap crops before it turns the picture upright.
  const bitmap = await decode(file, {});
  try {
    const context = new OffscreenCanvas(side, side).getContext("2d");
    if (!context) throw new MediaFailure("media_broken");
    context.fillStyle = "#fff";
    context.fillRect(0, 0, side, side);
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, Math.round(area.x), Math.round(area.y), size, size, 0, 0, side, side);
    return await context.canvas.convertToBlob({ type: "image/jpeg", quality: 0.88 });
  } finally {
    bitmap.close();
  }
}
