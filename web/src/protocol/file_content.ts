import type { OutgoingFile } from "@/domain/engine";
import { ALBUM_FIELD } from "@/domain/message_body";
import { buildCaption, type Content } from "@/domain/message_content";
import { envelopeContent } from "@/domain/message_envelope";

const MESSAGE_TYPES: Readonly<Record<OutgoingFile["kind"], string | undefined>> = { image: "m.image", video: "m.video", audio: "m.audio", voice: "m.audio", file: "m.file", sticker: undefined };

/** A file's event before the upload: where the bytes are, their key and their measures are added by the file sender. */
export function fileContent(file: OutgoingFile, extras: { readonly disappearAfterS: number }): Content {
  const msgtype = MESSAGE_TYPES[file.kind];
  return {
    ...(msgtype === undefined ? {} : { msgtype }),
    body: file.name,
    filename: file.name,
    info: {
      mimetype: file.file.type || "application/octet-stream",
      size: file.file.size,
      ...(file.width && file.height ? { w: file.width, h: file.height } : {}),
      ...(file.durationMs === undefined ? {} : { duration: Math.round(file.durationMs) }),
    },
    // What is shown as a voice message once it is there is one before, too.
    ...(file.kind === "voice" || file.kind === "audio" ? { "org.matrix.msc1767.audio": { duration: Math.round(file.durationMs ?? 0), ...(file.waveform?.length ? { waveform: file.waveform } : {}) } } : {}),
    ...(file.kind === "voice" ? { "org.matrix.msc3245.voice": {} } : {}),
    ...(file.caption === undefined ? {} : buildCaption(file.caption)),
    ...(file.album === undefined ? {} : { [ALBUM_FIELD]: file.album }),
    ...envelopeContent({ hop: file.hop, disappearAfterS: extras.disappearAfterS, viewOnce: file.viewOnce ?? false }),
  };
}
