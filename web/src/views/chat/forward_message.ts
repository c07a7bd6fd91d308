import type { Chat } from "@/domain/engine";
import type { GuardedContent } from "@/domain/forward_guard/fingerprint";
import type { MediaAccess } from "@/domain/media/ports";
import type { Message, MediaSource } from "@/domain/message";
import { writeMarkdown } from "@/domain/rich_text_write";

function sourceOf(message: Message): MediaSource | undefined {
  const { body } = message;
  if (body.kind === "image" || body.kind === "sticker" || body.kind === "video") return body.picture.source;
  return body.kind === "voice" || body.kind === "audio" || body.kind === "file" ? body.source : undefined;
}

/** What the guard compares: the words, and of a file the hash that its encryption carries or else its address. */
export function guardedContent(message: Message): GuardedContent {
  const { body } = message;
  const source = sourceOf(message);
  const text = body.kind === "text" ? body.text : body.kind === "poll" ? body.question : "";
  return { ...(text ? { text } : {}), ...(source ? { fileSha256: source.key?.sha256 ?? source.mxc } : {}) };
}

/** Sends the content of a message to another chat as one's own, with how often it was forwarded, and nothing of where it came from. */
export async function forwardMessage(message: Message, to: Chat, hop: number, media: MediaAccess): Promise<void> {
  const { body } = message;
  switch (body.kind) {
    case "text": to.sendText({ markdown: writeMarkdown(body.rich), mentions: [], hop }); return;
    case "location": to.sendLocation(body.latitude, body.longitude, body.label); return;
    case "contact": to.sendContact(body.userId, body.name); return;
    case "poll": to.sendPoll(body.question, body.answers.map((answer) => answer.text), body.selectionsMax, body.disclosed); return;
    case "image": case "sticker": case "video": case "voice": case "audio": case "file": {
      const opened = await media.open(sourceOf(message)!);
      try {
        to.sendFile({
          file: opened.blob, name: body.name, kind: body.kind, hop,
          ...(body.kind === "voice" || body.kind === "audio" ? { waveform: body.waveform, durationMs: body.durationMs } : {}),
          ...(body.kind === "video" ? { durationMs: body.durationMs } : {}),
          ...("caption" in body && body.caption ? { caption: writeMarkdown(body.caption) } : {}),
        });
      } finally {
        opened.release();
      }
      return;
    }
    default:
  }
}
