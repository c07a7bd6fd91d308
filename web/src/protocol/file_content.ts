import type { OutgoingFile } from "@/domain/engine";
import { envelopeContent } from "@/domain/message_envelope";
import { parseMarkdown, isFormatted } from "@/domain/markdown";
import { richTextToPlain } from "@/domain/rich_text_plain";
import { writeHtml } from "@/domain/rich_text_write";

const MSGTYPES: Readonly<Record<OutgoingFile["kind"], string | undefined>> = { image: "m.image", video: "m.video", audio: "m.audio", voice: "m.audio", file: "m.file", sticker: undefined };

/** A file's event before the upload: where the bytes are, and their key, is added by the file sender. */
export function fileContent(file: OutgoingFile, extras: { readonly disappearAfterS: number }): Record<string, unknown> {
  const caption = file.caption === undefined || file.caption === "" ? undefined : parseMarkdown(file.caption);
  const msgtype = MSGTYPES[file.kind];
  return {
    ...(msgtype === undefined ? {} : { msgtype }),
    body: caption ? richTextToPlain(caption) : file.name,
    filename: file.name,
    ...(caption && isFormatted(caption) ? { format: "org.matrix.custom.html", formatted_body: writeHtml(caption) } : {}),
    info: { mimetype: file.file.type || "application/octet-stream", size: file.file.size, ...(file.durationMs === undefined ? {} : { duration: Math.round(file.durationMs) }) },
    ...(file.kind === "voice" ? voiceContent(file) : {}),
    ...(file.album === undefined ? {} : { "org.zajil.album": file.album }),
    ...envelopeContent({ hop: file.hop, disappearAfterS: extras.disappearAfterS, viewOnce: file.viewOnce ?? false }),
  };
}

function voiceContent(file: OutgoingFile): Record<string, unknown> {
  // Samples from 0 to 1, in MSC3246's whole numbers up to 1024.
  const waveform = (file.waveform ?? []).slice(0, 100).map((sample) => Math.round(Math.min(1, Math.max(0, sample)) * 1_024));
  return { "org.matrix.msc3245.voice": {}, "org.matrix.msc1767.audio": { duration: Math.round(file.durationMs ?? 0), waveform } };
}
