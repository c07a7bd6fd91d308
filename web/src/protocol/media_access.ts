import type { MediaSource } from "@/domain/message";
import { checkDimensions } from "@/domain/media/dimensions";
import { safeFileName } from "@/domain/media/file_name";
import { OFFLINE_BYTES_MAX, OFFLINE_ITEM_BYTES_MAX, VOICE_DURATION_MS_MAX, VOICE_DURATION_MS_MIN } from "@/domain/media/limits";
import type { DecryptedListener, Inspected, MediaAccess, MediaUsage, OpenMedia, OpenOptions, Recorded, RecordingState, VoiceRecording } from "@/domain/media/ports";
import { normaliseWaveform, resampleLevels } from "@/domain/media/waveform";
import { remuxToOgg } from "@/domain/media/webm_to_ogg";
import { Problem } from "@/domain/problem";
import type { StickerPicture } from "@/domain/stickers";
import { Store } from "@/domain/store";
import { cropPicture } from "@/platform/media_image";
import { VoiceRecorder } from "@/platform/media_recorder";
import { estimateSite, saveBlob } from "@/platform/media_save";
import { scanCamera, scanPicture } from "@/platform/media_scanner";
import { MediaStore } from "@/platform/media_store";
import { loadUploadLimit, type MediaServer } from "@/platform/media_upload";
import { measurePicture, sniffBlob } from "./media_check";
import { hashContent } from "./media_fingerprint";
import { compressPicture, inspectFile, shapeSticker } from "./media_prepare";
import { mediaProblem } from "./media_problems";
import { MediaTransfer } from "./media_transfer";

/** Widths asked of the server: few, so that its thumbnails and our copies are shared between places. */
const THUMBNAIL_SIDES = [96, 320, 800] as const;

/** Media of one account. `name` is its database's, unique to the account, so that removing the account removes its files. */
export class AccountMedia implements MediaAccess {
  readonly #server: MediaServer;
  readonly #store: MediaStore;
  readonly #transfer: MediaTransfer;
  #sizeMax: number | undefined;

  constructor(server: MediaServer, name: string, decrypted?: DecryptedListener) {
    this.#server = server;
    this.#store = new MediaStore(name, OFFLINE_BYTES_MAX, OFFLINE_ITEM_BYTES_MAX);
    this.#transfer = new MediaTransfer(server, this.#store, decrypted);
  }

  open(source: MediaSource, options: OpenOptions = {}): Promise<OpenMedia> {
    return told(this.#transfer.open(source, options));
  }

  openThumbnail(source: MediaSource, side: number, signal?: AbortSignal): Promise<OpenMedia> {
    // The server cannot read an encrypted file, so it cannot make it smaller.
    const asked = source.key ? undefined : (THUMBNAIL_SIDES.find((each) => each >= side * (globalThis.devicePixelRatio || 1)) ?? THUMBNAIL_SIDES[2]);
    return told(this.#transfer.open(source, signal ? { signal } : {}, asked));
  }

  async save(source: MediaSource, name: string, options: OpenOptions = {}): Promise<void> {
    const file = await told(this.#transfer.fetch(source, options));
    const { extension } = await sniffBlob(file);
    saveBlob(file, safeFileName(name, extension, "file"));
  }

  async inspect(file: Blob): Promise<Inspected> {
    // Without an answer the upload itself will say so.
    this.#sizeMax ??= await loadUploadLimit(this.#server).catch(() => undefined);
    return told(inspectFile(file, this.#sizeMax));
  }

  compress(file: Blob): Promise<Blob> {
    return told(compressPicture(file));
  }

  hash(file: Blob): Promise<string> {
    return told(hashContent(file));
  }

  record(): Promise<VoiceRecording> {
    return told(startRecording());
  }

  crop(file: Blob, area: { readonly x: number; readonly y: number; readonly size: number }, side: number): Promise<Blob> {
    return told(checkPicture(file).then(() => cropPicture(file, area, side)));
  }

  shapeSticker(file: Blob): Promise<StickerPicture> {
    return told(shapeSticker(file));
  }

  scanCamera(video: HTMLVideoElement, found: (text: string, bytes?: Uint8Array) => void): Promise<() => void> {
    return told(scanCamera(video, (code) => found(code.text, code.bytes)));
  }

  scanPicture(file: Blob): Promise<{ readonly text: string; readonly bytes?: Uint8Array } | undefined> {
    return told(checkPicture(file).then(() => scanPicture(file)));
  }

  async usage(): Promise<MediaUsage> {
    const [kept, site] = await Promise.all([this.#store.usage(), estimateSite()]);
    return { offlineBytes: kept.bytes, offlineBytesMax: OFFLINE_BYTES_MAX, files: kept.files, siteBytes: site.used, siteBytesMax: site.max };
  }

  clearOffline(): Promise<void> {
    return this.#store.clear();
  }

  /** Ends downloads, revokes every URL and lets go of the database. */
  async close(): Promise<void> {
    this.#transfer.close();
    await this.#store.close();
  }
}

async function told<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    throw mediaProblem(error);
  }
}

async function checkPicture(file: Blob): Promise<void> {
  const type = await sniffBlob(file);
  const problem = type.kind === "image" && type.inline ? checkDimensions(await measurePicture(file, type)) : "broken_picture";
  if (problem === "too_many_pixels") throw new Problem("media_too_many_pixels");
  if (problem) throw new Problem("media_broken");
}

async function startRecording(): Promise<VoiceRecording> {
  const status = new Store<RecordingState>({ state: "recording", durationMs: 0, levels: [] });
  const recorder = await VoiceRecorder.start(VOICE_DURATION_MS_MAX, () => status.set(recorder.state));
  return {
    status,
    pause: () => recorder.pause(),
    resume: () => recorder.resume(),
    cancel: () => recorder.cancel(),
    finish: async (): Promise<Recorded> => {
      if (recorder.durationMs < VOICE_DURATION_MS_MIN) {
        recorder.cancel();
        throw new Problem("media_too_short");
      }
      const { file: recorded, durationMs, levels } = await recorder.finish();
      if (recorded.size === 0) throw new Problem("media_no_microphone");
      const file = await boxVoice(recorded);
      const { extension } = await sniffBlob(file);
      return { file, durationMs, name: `voice.${extension || "webm"}`, waveform: normaliseWaveform(resampleLevels(levels)) };
    },
  };
}

/** Chromium records WebM, which clients on iPhones do not play; in Ogg the same sound plays everywhere. */
async function boxVoice(recorded: Blob): Promise<Blob> {
  if ((await sniffBlob(recorded)).mimeType !== "audio/webm") return recorded;
  const [serial = 0] = crypto.getRandomValues(new Uint32Array(1));
  const ogg = remuxToOgg(new Uint8Array(await recorded.arrayBuffer()), serial);
  return ogg ? new Blob([ogg], { type: "audio/ogg" }) : recorded;
}
