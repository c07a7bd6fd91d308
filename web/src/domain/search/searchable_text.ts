import type { MessageBody } from "../message";
import { richTextToPlain } from "../rich_text_plain";

/** The words by which a message is found; empty for what has none. */
export function searchableText(body: MessageBody): string {
  switch (body.kind) {
    case "text":
      return body.text;
    case "image":
    case "video":
    case "file":
      return body.caption ? `${richTextToPlain(body.caption)} ${body.name}` : body.name;
    case "audio":
      return body.name;
    case "poll":
      return [body.question, ...body.answers.map(({ text }) => text)].join(" ");
    case "location":
      return body.label;
    case "contact":
      return body.name;
    default:
      return "";
  }
}
