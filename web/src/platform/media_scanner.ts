import { MediaFailure } from "./media_failure";

export interface ScannedCode {
  readonly text: string;
  /** Codes for verification are binary. */
  readonly bytes: Uint8Array;
}

const SCAN_EVERY_MS = 160;
/** Longer side of the picture that is searched: more only takes longer. */
const SCAN_SIDE = 720;

/**
 * Reads the QR codes that the camera sees. jsQR instead of the browser's BarcodeDetector, because that one gives text only and breaks binary codes.
 * Fails with a MediaFailure; the returned function turns the camera off.
 */
export async function scanCamera(video: HTMLVideoElement, found: (code: ScannedCode) => void): Promise<() => void> {
  if (!navigator.mediaDevices) throw new MediaFailure("media_no_camera");
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } } }).catch((error: unknown) => {
    const isDenied = error instanceof DOMException && (error.name === "NotAllowedError" || error.name === "SecurityError");
    throw new MediaFailure(isDenied ? "media_camera_denied" : "media_no_camera", undefined, error);
  });
  const stop = (): void => {
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  };
  video.srcObject = stream;
  video.muted = true;
  video.playsInline = true;
  await video.play().catch(() => undefined);
  const look = async (): Promise<void> => {
    while (stream.active) {
      if (video.videoWidth > 0) {
        const code = await readCode(video, video.videoWidth, video.videoHeight);
        if (code && stream.active) found(code);
      }
      await new Promise((resolve) => setTimeout(resolve, SCAN_EVERY_MS));
    }
  };
  void look();
  return stop;
}

/** The QR code in a picture (whose dimensions the caller has checked); undefined if there is none. */
export async function scanPicture(file: Blob): Promise<ScannedCode | undefined> {
  const bitmap = await createImageBitmap(file).catch((error: unknown) => {
    throw new MediaFailure("media_broken", undefined, error);
  });
  try {
    return await readCode(bitmap, bitmap.width, bitmap.height);
  } finally {
    bitmap.close();
  }
}

async function readCode(picture: CanvasImageSource, fullWidth: number, fullHeight: number): Promise<ScannedCode | undefined> {
  const scale = Math.min(1, SCAN_SIDE / Math.max(fullWidth, fullHeight));
  const [width, height] = [Math.max(1, Math.round(fullWidth * scale)), Math.max(1, Math.round(fullHeight * scale))];
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (!context) return undefined;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.drawImage(picture, 0, 0, width, height);
  const { default: jsQR } = await import("jsqr");
  const code = jsQR(context.getImageData(0, 0, width, height).data, width, height);
  return code ? { text: code.data, bytes: Uint8Array.from(code.binaryData) } : undefined;
}
