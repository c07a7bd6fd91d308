import type { MediaSource, MessageBody } from "../message";
import { richTextToPlain } from "../rich_text_plain";
import type { GuardedContent } from "./fingerprint";

function sourceOf(body: MessageBody): MediaSource | undefined {
  if (body.kind === "image" || body.kind === "video") return body.picture.source;
  return body.kind === "voice" || body.kind === "audio" || body.kind === "file" ? body.source : undefined;
}

function textOf(body: MessageBody): string {
  switch (body.kind) {
    case "text":
      return body.text;
    case "image":
    case "video":
    case "file":
      return body.caption ? richTextToPlain(body.caption) : "";
    case "poll":
      return [body.question, ...body.answers.map(({ text }) => text)].join("\n");
    case "location":
      return `${body.latitude} ${body.longitude} ${body.label}`;
    case "contact":
      return body.userId;
    default:
      return "";
  }
}

/** What the guard compares of a message: its words and its file. Stickers are made to be sent again and again, and are left out. */
export function guardedContent(body: MessageBody): GuardedContent {
  const text = textOf(body);
  const source = sourceOf(body);
  return { ...(text === "" ? {} : { text }), ...(source === undefined ? {} : { mxc: source.mxc }) };
}
