import type { EventRecord } from "./event_record";
import type { Message, MessageBody, MediaSource } from "./message";
import { mayRun, safeFileName } from "./media/file_name";

/** What goes into the file and where it goes; the format is in docs/export-format.md. */
export interface ExportRequest {
  readonly includesMedia: boolean;
  /** Also what only the server has: it is read, decrypted and kept on this device on the way. */
  readonly includesOlder: boolean;
  readonly signal: AbortSignal;
  readonly texts: ExportTexts;
  loadMedia(source: MediaSource, signal: AbortSignal): Promise<{ readonly blob: Blob; readonly mimeType: string }>;
  write(part: Uint8Array<ArrayBuffer> | Blob): void | Promise<void>;
  onProgress(progress: ExportProgress): void;
}

/** The words of the readable pages, in the language of whoever exports. */
export interface ExportTexts {
  readonly language: string;
  readonly isRightToLeft: boolean;
  readonly title: string;
  readonly intro: string;
  readonly incomplete: string;
  readonly missingFile: string;
  readonly edited: string;
  describe(body: MessageBody): string;
  time(at: number): string;
}

export interface ExportProgress {
  readonly chatsDone: number;
  readonly chatsTotal: number;
  readonly chatName: string;
  readonly messages: number;
  readonly files: number;
  readonly bytes: number;
}

export interface ExportResult extends ExportProgress {
  /** Files that could not be read (gone, broken, offline): named in each chat's page. */
  readonly missingFiles: number;
  /** Chats whose older messages the server did not give. */
  readonly incompleteChats: number;
}

export const EXPORT_FORMAT = "org.zajil.export";
export const EXPORT_VERSION = 1;

/** The file a message carries, if it carries one; what is to be seen once is not exported. */
export function mediaOf(message: Message): { readonly source: MediaSource; readonly name: string } | undefined {
  if (message.viewOnce) return undefined;
  const { body } = message;
  switch (body.kind) {
    case "image":
    case "sticker":
    case "video":
      return { source: body.picture.source, name: body.name };
    case "voice":
    case "audio":
    case "file":
      return { source: body.source, name: body.name };
    default:
      return undefined;
  }
}

const ENDINGS: Readonly<Record<string, string>> = { "image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "image/webp": "webp", "video/mp4": "mp4", "video/webm": "webm", "audio/ogg": "ogg", "audio/webm": "weba", "audio/mpeg": "mp3", "audio/mp4": "m4a", "application/pdf": "pdf" };

/** Under which name it lies beside the page. What a browser would run gets another ending. */
export function mediaName(number: number, name: string, mimeType: string): string {
  const safe = safeFileName(name, ENDINGS[mimeType] ?? "bin", "file");
  return `${String(number).padStart(4, "0")}-${mayRun(safe) ? `${safe}.file` : safe}`;
}

export function folderName(number: number, name: string): string {
  const words = safeFileName(name, "", "chat").replace(/[\s.]+/gu, "-").slice(0, 60).replace(/^-+|-+$/gu, "");
  return `chats/${String(number).padStart(3, "0")}-${words || "chat"}`;
}

/** One line of `events.jsonl`. */
export function eventLine(record: EventRecord): string {
  const line = {
    event_id: record.eventId,
    type: record.type,
    sender: record.sender,
    origin_server_ts: record.sentAt,
    content: record.content,
    ...(record.stateKey === undefined ? {} : { state_key: record.stateKey }),
    encrypted: record.encrypted,
    ...(record.redactedBy === undefined ? {} : { redacted_by: record.redactedBy }),
    ...(record.undecryptable === undefined ? {} : { undecryptable: record.undecryptable }),
  };
  return `${JSON.stringify(line)}\n`;
}
