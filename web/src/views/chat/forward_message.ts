import type { Chat } from "@/domain/engine";
import type { MediaAccess } from "@/domain/media/ports";
import type { Message, MediaSource } from "@/domain/message";
import { writeMarkdown } from "@/domain/rich_text_write";

function sourceOf(message: Message): MediaSource | undefined {
  const { body } = message;
  if (body.kind === "image" || body.kind === "sticker" || body.kind === "video") return body.picture.source;
  return body.kind === "voice" || body.kind === "audio" || body.kind === "file" ? body.source : undefined;
}

/** Sends the content of a message to another chat as one's own, with how often it was forwarded, and nothing of where it came from. */
export async function forwardMessage(message: Message, to: Chat, hop: number, media: MediaAccess): Promise<void> {
  const { body } = message;
  switch (body.kind) {
    case "text": to.sendText({ markdown: writeMarkdown(body.rich), mentions: [], hop }); return;
    case "location": to.sendLocation(body, body.label, hop); return;
    case "contact": to.sendContact(body.userId, body.name, hop); return;
    case "poll": to.sendPoll(body.question, body.answers.map((answer) => answer.text), body.selectionsMax, body.disclosed, hop); return;
    case "image": case "sticker": case "video": case "voice": case "audio": case "file": {
      const opened = await media.open(sourceOf(message)!);
      try {
        to.sendFile({
          file: opened.blob, name: body.name, kind: body.kind, hop: body.kind === "sticker" ? 0 : hop,
          ...(body.kind === "voice" || body.kind === "audio" ? { waveform: body.waveform, durationMs: body.durationMs } : {}),
          ...(body.kind === "image" || body.kind === "video" ? { width: body.picture.width, height: body.picture.height } : {}),
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
