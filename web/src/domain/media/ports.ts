import type { MediaSource } from "../message";
import type { StickerPicture } from "../stickers";
import type { Readable } from "../store";

/** What views ask of media. `protocol/media_access.ts` makes it; views take it from `MediaProvider` (views/media/media_context.tsx). */
export interface MediaAccess {
  /**
   * The file, decrypted, its hash checked and its type found in its bytes (a claimed type is never trusted).
   * Fails with a Problem. The URL is valid until `release()`.
   */
  open(source: MediaSource, options?: OpenOptions): Promise<OpenMedia>;
  /** A picture of at most about `side` CSS pixels (the server's thumbnail if the file is not encrypted, else the file itself). */
  openThumbnail(source: MediaSource, side: number, signal?: AbortSignal): Promise<OpenMedia>;
  /** Writes the file to the person's disk under a safe name. */
  save(source: MediaSource, name: string, options?: OpenOptions): Promise<void>;
  /** What the person is about to send: its kind, size and picture, or why it cannot be sent. Reads headers only. */
  inspect(file: Blob): Promise<Inspected>;
  /** A smaller copy of a picture for sending; the file itself if it moves, is no picture or would not become smaller. */
  compress(file: Blob): Promise<Blob>;
  /** SHA-256 of a file without its metadata, lower-case hexadecimal: what the forward guard knows files by. */
  hash(file: Blob): Promise<string>;
  /** Starts the microphone. Fails with a Problem if there is none or it is not allowed. */
  record(): Promise<VoiceRecording>;
  /** A square JPEG of `side` pixels cut from a picture. `x`, `y`, `size` are in pixels of the upright picture. */
  crop(file: Blob, area: { readonly x: number; readonly y: number; readonly size: number }, side: number): Promise<Blob>;
  /** A picture of at most 512 pixels, without metadata, to be a sticker. Small moving ones go on moving. */
  shapeSticker(file: Blob): Promise<StickerPicture>;
  /** Calls back for each text found by the camera shown in `video`; ends with the returned function. */
  scanCamera(video: HTMLVideoElement, found: (text: string, bytes?: Uint8Array) => void): Promise<() => void>;
  /** The text of the QR code in a picture, or undefined. */
  scanPicture(file: Blob): Promise<{ readonly text: string; readonly bytes?: Uint8Array } | undefined>;
  /** Bytes kept on this device for reading offline. */
  usage(): Promise<MediaUsage>;
  clearOffline(): Promise<void>;
}

/** Is told of files that were decrypted here, by their address and the SHA-256 of their bytes. */
export interface DecryptedListener {
  wants(mxc: string): boolean;
  found(mxc: string, sha256: string): void;
}

export interface OpenOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
  /** Keep no copy anywhere (view once). */
  readonly once?: boolean;
}

export interface OpenMedia {
  readonly url: string;
  readonly blob: Blob;
  /** Found in the bytes; "application/octet-stream" if it is nothing that may be shown in the page. */
  readonly mimeType: string;
  release(): void;
}

export interface MediaUsage {
  readonly offlineBytes: number;
  readonly offlineBytesMax: number;
  readonly files: number;
  /** What the browser says the whole site uses and may use; 0 if it does not tell. */
  readonly siteBytes: number;
  readonly siteBytesMax: number;
}

export interface Inspected {
  readonly kind: "image" | "video" | "audio" | "file";
  readonly mimeType: string;
  readonly size: number;
  readonly width?: number;
  readonly height?: number;
  /** i18n key of a sentence: what keeps it from being sent as this kind (it can still go as a file), or from being sent at all. */
  readonly problem?: "media.too_many_pixels" | "media.too_big" | "media.broken_picture" | "media.empty_file" | "media.unreadable";
  /** i18n key of a warning: metadata that we cannot remove. */
  readonly warning?: "media.keeps_metadata";
}

export type RecordingState =
  | { readonly state: "recording" | "paused"; readonly durationMs: number; /** 0..1, newest last, at most 64. */ readonly levels: readonly number[] }
  | { readonly state: "done"; readonly durationMs: number }
  | { readonly state: "failed"; readonly problem: string };

export interface VoiceRecording {
  readonly status: Readable<RecordingState>;
  pause(): void;
  resume(): void;
  /** Ends it and gives the message. Fails with a Problem: it was too short, or nothing came from the microphone. */
  finish(): Promise<Recorded>;
  /** Ends it and forgets everything. */
  cancel(): void;
}

export interface Recorded {
  readonly file: Blob;
  readonly name: string;
  readonly durationMs: number;
  readonly waveform: readonly number[];
}
