import { buildCaption } from "@/domain/message_content";
import { encryptAttachment, type AttachmentKey } from "@/platform/media_crypto";
import { uploadMedia, type MediaServer } from "@/platform/media_upload";
import type { PreparedFile } from "./media_prepare";

export interface SendMediaOptions {
  readonly encrypted: boolean;
  readonly caption?: string;
  readonly signal?: AbortSignal;
  /** Bytes of the file and its thumbnail together. */
  readonly onProgress?: (done: number, total: number) => void;
}

type Content = Record<string, unknown>;

interface Placed {
  readonly url?: string;
  readonly file?: Content;
}

/** Encrypts (in an encrypted room), uploads, and gives the content of the event: `m.sticker` for stickers, else `m.room.message`. Fails with a MediaFailure. */
export async function sendMedia(server: MediaServer, prepared: PreparedFile, options: SendMediaOptions): Promise<Content> {
  const thumbnailSize = prepared.thumbnail?.data.size ?? 0;
  const total = prepared.data.size + thumbnailSize;
  const small = prepared.thumbnail
    ? await place(server, prepared.thumbnail.data, options, undefined, (done) => options.onProgress?.(done, total))
    : undefined;
  const main = await place(server, prepared.data, options, prepared.name, (done) => options.onProgress?.(thumbnailSize + done, total));
  return buildContent(prepared, main, small, options.caption);
}

async function place(server: MediaServer, data: Blob, options: SendMediaOptions, name: string | undefined, onProgress: (done: number) => void): Promise<Placed> {
  const signal = options.signal ? { signal: options.signal } : {};
  if (!options.encrypted) return { url: await uploadMedia(server, data, { ...signal, ...(name ? { name } : {}), onProgress }) };
  const { data: cipher, key } = await encryptAttachment(data, undefined, options.signal);
  // Neither name nor type of an encrypted file is any of the server's business.
  return { file: buildEncryptedFile(await uploadMedia(server, cipher, { ...signal, onProgress }), key) };
}

function buildEncryptedFile(url: string, key: AttachmentKey): Content {
  return {
    v: "v2",
    url,
    key: { kty: "oct", alg: "A256CTR", ext: true, key_ops: ["encrypt", "decrypt"], k: key.k },
    iv: key.iv,
    hashes: { sha256: key.sha256 },
  };
}

const MESSAGE_TYPES = { image: "m.image", video: "m.video", audio: "m.audio", voice: "m.audio", file: "m.file" } as const;

export function buildContent(prepared: PreparedFile, main: Placed, thumbnail: Placed | undefined, caption?: string): Content {
  const info: Content = { mimetype: prepared.mimeType, size: prepared.data.size };
  if (prepared.width && prepared.height) Object.assign(info, { w: prepared.width, h: prepared.height });
  if (prepared.durationMs !== undefined) info["duration"] = Math.round(prepared.durationMs);
  if (prepared.blurhash) info["xyz.amorgan.blurhash"] = prepared.blurhash;
  if (prepared.thumbnail && thumbnail) {
    const { data, mimeType, width, height } = prepared.thumbnail;
    info["thumbnail_info"] = { mimetype: mimeType, size: data.size, w: width, h: height };
    Object.assign(info, thumbnail.url ? { thumbnail_url: thumbnail.url } : { thumbnail_file: thumbnail.file });
  }
  const place = main.url ? { url: main.url } : { file: main.file };
  if (prepared.kind === "sticker") return { body: prepared.name, info, ...place };
  const content: Content = { msgtype: MESSAGE_TYPES[prepared.kind], body: prepared.name, filename: prepared.name, info, ...place, ...buildCaption(caption ?? "") };
  if (prepared.kind === "audio" || prepared.kind === "voice") {
    content["org.matrix.msc1767.audio"] = { duration: Math.round(prepared.durationMs ?? 0), ...(prepared.waveform?.length ? { waveform: prepared.waveform } : {}) };
  }
  if (prepared.kind === "voice") content["org.matrix.msc3245.voice"] = {};
  return content;
}
