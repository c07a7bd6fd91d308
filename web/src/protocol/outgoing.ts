import type { OutgoingText } from "@/domain/engine";
import { parseMarkdown, isFormatted } from "@/domain/markdown";
import { envelopeContent } from "@/domain/message_envelope";
import { richTextToPlain } from "@/domain/rich_text_plain";
import { writeHtml } from "@/domain/rich_text_write";

type Content = Record<string, unknown>;

export interface Extras {
  readonly disappearAfterS: number;
}

/** A text message's content, without what it relates to. */
export function textContent(text: OutgoingText, extras: Extras): Content {
  const rich = parseMarkdown(text.markdown, text.mentions);
  const body = richTextToPlain(rich);
  return {
    msgtype: "m.text",
    body,
    ...(isFormatted(rich) ? { format: "org.matrix.custom.html", formatted_body: writeHtml(rich) } : {}),
    "m.mentions": text.mentions.length > 0 ? { user_ids: [...new Set(text.mentions)] } : {},
    ...envelopeContent({ hop: text.hop, disappearAfterS: extras.disappearAfterS, viewOnce: false }),
  };
}

export function relationContent(replyTo: string | undefined, threadRoot: string | undefined): Content {
  if (threadRoot !== undefined) {
    const inReplyTo = { "m.in_reply_to": { event_id: replyTo ?? threadRoot } };
    return { "m.relates_to": { rel_type: "m.thread", event_id: threadRoot, is_falling_back: replyTo === undefined, ...inReplyTo } };
  }
  return replyTo === undefined ? {} : { "m.relates_to": { "m.in_reply_to": { event_id: replyTo } } };
}

export function editContent(eventId: string, fresh: Content): Content {
  const { "m.relates_to": _relation, ...newContent } = fresh;
  return {
    ...newContent,
    body: `* ${String(newContent["body"] ?? "")}`,
    "m.new_content": newContent,
    "m.relates_to": { rel_type: "m.replace", event_id: eventId },
  };
}

export function reactionContent(eventId: string, key: string): Content {
  return { "m.relates_to": { rel_type: "m.annotation", event_id: eventId, key } };
}

export function pollContent(question: string, answers: readonly string[], selectionsMax: number, disclosed: boolean, extras: Extras): Content {
  const fallback = [question, ...answers.map((answer, index) => `${index + 1}. ${answer}`)].join("\n");
  return {
    "org.matrix.msc3381.poll.start": {
      kind: disclosed ? "org.matrix.msc3381.poll.disclosed" : "org.matrix.msc3381.poll.undisclosed",
      max_selections: selectionsMax,
      question: { "org.matrix.msc1767.text": question, body: question, msgtype: "m.text" },
      answers: answers.map((answer) => ({ id: crypto.randomUUID(), "org.matrix.msc1767.text": answer })),
    },
    "org.matrix.msc1767.text": fallback,
    ...envelopeContent({ hop: 0, disappearAfterS: extras.disappearAfterS, viewOnce: false }),
  };
}

export function voteContent(pollEventId: string, answerIds: readonly string[]): Content {
  return { "m.relates_to": { rel_type: "m.reference", event_id: pollEventId }, "org.matrix.msc3381.poll.response": { answers: answerIds } };
}

export function pollEndContent(pollEventId: string): Content {
  return { "m.relates_to": { rel_type: "m.reference", event_id: pollEventId }, "org.matrix.msc3381.poll.end": {}, "org.matrix.msc1767.text": "The poll has ended." };
}

export function locationContent(latitude: number, longitude: number, label: string, extras: Extras): Content {
  const uri = `geo:${latitude.toFixed(6)},${longitude.toFixed(6)}`;
  return { msgtype: "m.location", body: label || uri, geo_uri: uri, ...envelopeContent({ hop: 0, disappearAfterS: extras.disappearAfterS, viewOnce: false }) };
}

/** A contact card, which other clients show as a link to the person. */
export function contactContent(userId: string, name: string, extras: Extras): Content {
  const link = `https://matrix.to/#/${encodeURIComponent(userId)}`;
  return { msgtype: "m.text", body: `${name} ${link}`, "org.zajil.contact": { user_id: userId, name }, ...envelopeContent({ hop: 0, disappearAfterS: extras.disappearAfterS, viewOnce: false }) };
}
