import { cleanName, cleanText } from "./bidi";
import { buildGeoUri, type Coordinates } from "./location";
import { isFormatted, parseMarkdown } from "./markdown";
import { CAPTION_LENGTH_MAX, CONTACT_FIELD, HTML_FORMAT, LABEL_LENGTH_MAX } from "./message_body";
import { POLL_ANSWER_LENGTH_MAX, POLL_ANSWERS_MAX, POLL_QUESTION_LENGTH_MAX } from "./polls";
import { findMentions, richTextToPlain } from "./rich_text_plain";
import { writeHtml } from "./rich_text_write";
import { readChild, readList } from "./untrusted";

/** The content of what we send: the counterpart of message_body.ts, which reads it back. Other clients read it too, so every kind has a plain text. */
export type Content = Readonly<Record<string, unknown>>;

export interface Outgoing {
  readonly type: string;
  readonly content: Content;
}

/** How most clients know polls to this day; message_body.ts reads the stable names as well. */
export const POLL_TYPES = { start: "org.matrix.msc3381.poll.start", response: "org.matrix.msc3381.poll.response", end: "org.matrix.msc3381.poll.end" } as const;

export interface Position {
  readonly replyTo?: string;
  readonly threadRoot?: string;
  /** For clients without threads: the thread's latest event. */
  readonly threadLatest?: string;
}

/** m.relates_to of a reply, a message in a thread, or both. */
export function buildPosition({ replyTo, threadRoot, threadLatest }: Position): Content {
  if (threadRoot === undefined) return replyTo === undefined ? {} : { "m.relates_to": { "m.in_reply_to": { event_id: replyTo } } };
  const relation = { rel_type: "m.thread", event_id: threadRoot, is_falling_back: replyTo === undefined };
  return { "m.relates_to": { ...relation, "m.in_reply_to": { event_id: replyTo ?? threadLatest ?? threadRoot } } };
}

export interface TextOptions extends Position {
  /** Users to notify beside those the text itself mentions; for a reply, whom it answers. */
  readonly mentions?: readonly string[];
  readonly mentionsRoom?: boolean;
  readonly notice?: boolean;
}

function buildText(markdown: string, mentions: readonly string[]): { readonly fields: Record<string, unknown>; readonly mentioned: readonly string[] } {
  const rich = parseMarkdown(markdown, mentions);
  // Without marks and with people's names; what a spoiler covers stays covered where no HTML is shown.
  const body = richTextToPlain(rich, false);
  const formatted = isFormatted(rich) ? { format: HTML_FORMAT, formatted_body: writeHtml(rich) } : {};
  return { fields: { body, ...formatted }, mentioned: findMentions(rich) };
}

/** People one message can notify. */
export const MENTIONS_MAX = 200;

function buildMentions(users: readonly string[], room = false): Content {
  const unique = [...new Set(users)].slice(0, MENTIONS_MAX);
  return { "m.mentions": { ...(unique.length === 0 ? {} : { user_ids: unique }), ...(room ? { room: true } : {}) } };
}

/** m.room.message of what a person typed; "/me " makes it an emote. */
export function buildTextContent(markdown: string, options: TextOptions = {}): Content {
  const mentions = options.mentions ?? [];
  const emote = markdown.startsWith("/me ");
  const { fields, mentioned } = buildText(emote ? markdown.slice(4) : markdown, mentions);
  return {
    msgtype: emote ? "m.emote" : options.notice === true ? "m.notice" : "m.text",
    ...fields,
    ...buildMentions([...mentioned, ...mentions], options.mentionsRoom),
    ...buildPosition(options),
  };
}

/** Replaces the content of an earlier message by `replacement`; only people who were not mentioned before are notified. */
export function buildEdit(eventId: string, replacement: Content, previousMentions: readonly string[] = []): Content {
  const { "m.relates_to": _position, ...fresh } = replacement;
  const users = readList(readChild(fresh, "m.mentions"), "user_ids", MENTIONS_MAX).filter((user): user is string => typeof user === "string" && !previousMentions.includes(user));
  const html = typeof fresh["formatted_body"] === "string" ? { formatted_body: `* ${fresh["formatted_body"]}` } : {};
  return { ...fresh, body: `* ${String(fresh["body"] ?? "")}`, ...html, ...buildMentions(users), "m.new_content": fresh, "m.relates_to": { rel_type: "m.replace", event_id: eventId } };
}

export function buildReaction(eventId: string, key: string): Outgoing {
  return { type: "m.reaction", content: { "m.relates_to": { rel_type: "m.annotation", event_id: eventId, key } } };
}

/** `answers` get IDs of their own from `makeId`. */
export function buildPollStart(question: string, answers: readonly string[], selectionsMax: number, disclosed: boolean, makeId: () => string): Outgoing {
  const title = cleanText(question, POLL_QUESTION_LENGTH_MAX).trim();
  const texts = answers.map((answer) => cleanName(answer, POLL_ANSWER_LENGTH_MAX)).filter((answer) => answer !== "").slice(0, POLL_ANSWERS_MAX);
  const fallback = [title, ...texts.map((text, index) => `${index + 1}. ${text}`)].join("\n");
  return {
    type: POLL_TYPES.start,
    content: {
      "org.matrix.msc1767.text": fallback,
      [POLL_TYPES.start]: {
        question: { "org.matrix.msc1767.text": title, body: title, msgtype: "m.text" },
        kind: disclosed ? "org.matrix.msc3381.poll.disclosed" : "org.matrix.msc3381.poll.undisclosed",
        max_selections: Math.min(Math.max(1, Math.floor(selectionsMax)), Math.max(1, texts.length)),
        answers: texts.map((text) => ({ id: makeId(), "org.matrix.msc1767.text": text })),
      },
    },
  };
}

/** No answer takes the vote back. */
export function buildPollResponse(pollEventId: string, answerIds: readonly string[]): Outgoing {
  return { type: POLL_TYPES.response, content: { "m.relates_to": { rel_type: "m.reference", event_id: pollEventId }, [POLL_TYPES.response]: { answers: [...answerIds] } } };
}

export function buildPollEnd(pollEventId: string, text: string): Outgoing {
  return { type: POLL_TYPES.end, content: { "m.relates_to": { rel_type: "m.reference", event_id: pollEventId }, [POLL_TYPES.end]: {}, "org.matrix.msc1767.text": text } };
}

/** `sentAt` is when the place was true, ms since 1970. */
export function buildLocationContent(place: Coordinates, label: string, sentAt: number): Content {
  const uri = buildGeoUri(place);
  const description = cleanName(label, LABEL_LENGTH_MAX);
  return {
    msgtype: "m.location",
    body: description === "" ? uri : description,
    geo_uri: uri,
    "org.matrix.msc3488.location": { uri, ...(description === "" ? {} : { description }) },
    "org.matrix.msc3488.asset": { type: "m.pin" },
    "org.matrix.msc3488.ts": sentAt,
    ...buildMentions([]),
  };
}

/** A person's card; other clients show their name and a link. */
export function buildContactContent(userId: string, name: string): Content {
  const shown = cleanName(name, 100) || userId;
  return { ...buildTextContent(`[${shown.replace(/[\\[\]]/gu, "")}](https://matrix.to/#/${encodeURIComponent(userId)})`), body: `${shown} (${userId})`, ...buildMentions([]), [CONTACT_FIELD]: { user_id: userId, name: shown } };
}

/** What a caption, in Markdown, adds to a file's content, whose body then is the caption instead of the name (client-server API, "Media captions"). */
export function buildCaption(markdown: string, mentions: readonly string[] = []): Content {
  const caption = cleanText(markdown, CAPTION_LENGTH_MAX).trim();
  if (caption === "") return {};
  const { fields, mentioned } = buildText(caption, mentions);
  return { ...fields, ...buildMentions([...mentioned, ...mentions]) };
}
