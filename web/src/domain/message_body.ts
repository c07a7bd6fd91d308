import { cleanName, cleanText } from "./bidi";
import { parseGeoUri } from "./location";
import { isUserId } from "./matrix_id";
import type { MessageBody, UndecryptableReason } from "./message";
import { DURATION_MS_MAX, isInline, parseFileName, parsePicture, parseSource } from "./message_body_media";
import { parsePoll, POLL_START_TYPES, readExtensibleText } from "./polls";
import type { RichText } from "./rich_text";
import { parsePlain } from "./rich_text_build";
import { parseHtml } from "./rich_text_html";
import { readChild, readField, readFirstChild, readInteger, readList, readRecord, readString, readToken } from "./untrusted";
import type { JsonRecord } from "./untrusted";

/** An event as it came, decrypted if it could be. Nothing of it is trusted. */
export interface IncomingEvent {
  readonly type: string;
  readonly content: unknown;
  /** Who took it back. */
  readonly redactedBy?: string;
  readonly undecryptable?: UndecryptableReason;
  readonly sender?: string;
  readonly eventId?: string;
}

export const BODY_LENGTH_MAX = 65_536;
export const CAPTION_LENGTH_MAX = 8_192;
export const WAVEFORM_LENGTH_MAX = 100;
export const LABEL_LENGTH_MAX = 300;
/** Samples of a waveform as MSC3246 writes them. */
const WAVEFORM_VALUE_MAX = 1_024;
const WAVEFORM_READ_MAX = 4_096;

export const CONTACT_FIELD = "org.zajil.contact";
export const ALBUM_FIELD = "org.zajil.album";
export const HTML_FORMAT = "org.matrix.custom.html";
const CALL_TYPES: ReadonlySet<string> = new Set(["m.call.invite", "m.call.hangup", "m.call.reject", "m.rtc.notification", "org.matrix.msc4075.rtc.notification", "m.call.notify"]);
const LOCATION_FIELDS = ["m.location", "org.matrix.msc3488.location"] as const;

/** What the event says. Never throws: what cannot be understood is "broken", what would be dangerous in place becomes a file. */
export function parseMessageBody(event: IncomingEvent): MessageBody {
  const broken: MessageBody = { kind: "broken", type: cleanName(typeof event.type === "string" ? event.type : "", 100) };
  if (event.redactedBy !== undefined) return { kind: "deleted", by: isUserId(event.redactedBy) ? event.redactedBy : "" };
  if (event.undecryptable !== undefined) return { kind: "undecryptable", reason: event.undecryptable };
  if (event.type === "m.room.encrypted") return { kind: "undecryptable", reason: "no-key" };
  try {
    const content = currentContent(readRecord(event.content));
    return content === undefined ? broken : (parseContent(event.type, content) ?? broken);
  } catch {
    // Not reached by any input we know; a hostile one must still not take the timeline with it.
    return broken;
  }
}

/** An edit says what is in m.new_content. */
function currentContent(content: JsonRecord | undefined): JsonRecord | undefined {
  const isEdit = readString(readChild(content, "m.relates_to"), "rel_type") === "m.replace";
  return isEdit ? (readChild(content, "m.new_content") ?? content) : content;
}

function parseContent(type: string, content: JsonRecord): MessageBody | undefined {
  if (type === "m.room.message") return parseRoomMessage(content);
  if (type === "m.sticker") return parseImage(content, "sticker");
  if (POLL_START_TYPES.includes(type)) return parsePollBody(content);
  if (type === "m.location" || type === "org.matrix.msc3488.location") return parseLocation(content);
  if (CALL_TYPES.has(type)) return { kind: "call", text: isVideoCall(content) ? "message.video_call" : "message.voice_call" };
  // Other types may carry a text for those who do not know them (MSC1767).
  const fallback = readExtensibleText(content);
  return fallback === "" ? undefined : textBody("text", fallback, parsePlain(cleanText(fallback, BODY_LENGTH_MAX)));
}

function parseRoomMessage(content: JsonRecord): MessageBody | undefined {
  if (readChild(content, CONTACT_FIELD) !== undefined) return parseContact(content) ?? parseText(content, "text");
  switch (readToken(content, "msgtype", 255)) {
    case "m.notice":
      return parseText(content, "notice");
    case "m.emote":
      return parseText(content, "emote");
    case "m.image":
      return parseImage(content, "image");
    case "m.video":
      return parseVideo(content);
    case "m.audio":
      return parseAudio(content);
    case "m.file":
      return parseFile(content);
    case "m.location":
      return parseLocation(content) ?? parseText(content, "text");
    case "m.key.verification.request":
      return { kind: "change", text: "message.verification_request" };
    default:
      return parsePollBody(content) ?? parseText(content, "text");
  }
}

function textBody(style: "text" | "notice" | "emote", text: string, rich: RichText): MessageBody {
  return { kind: "text", style, text: cleanText(text, BODY_LENGTH_MAX), rich };
}

function parseText(content: JsonRecord, style: "text" | "notice" | "emote"): MessageBody | undefined {
  const body = readString(content, "body") ?? readExtensibleText(content);
  const html = formattedBody(content);
  if (body === "" && html === undefined) return undefined;
  const isReply = readChild(readChild(content, "m.relates_to"), "m.in_reply_to") !== undefined;
  const text = cleanText(isReply ? stripReplyFallback(body) : body, BODY_LENGTH_MAX);
  const rich = html === undefined ? [] : parseHtml(html);
  return textBody(style, text, rich.length > 0 ? rich : parsePlain(text));
}

function formattedBody(content: JsonRecord): string | undefined {
  return readString(content, "format") === HTML_FORMAT ? readString(content, "formatted_body") : undefined;
}

/** Older clients quote what they reply to as lines of "> " before their own (specification before v1.13). */
export function stripReplyFallback(body: string): string {
  if (!/^> (?:\* )?<[@\p{L}]/u.test(body)) return body;
  const lines = body.split("\n");
  const first = lines.findIndex((line) => !line.startsWith("> ") && line !== ">");
  return first === -1 ? "" : lines.slice(lines[first] === "" ? first + 1 : first).join("\n");
}

/** The caption beside a file's name: formatted or plain. */
function parseCaption(content: JsonRecord, hasCaption: boolean): RichText | undefined {
  if (!hasCaption) return undefined;
  const html = formattedBody(content);
  const rich = html === undefined ? [] : parseHtml(html.slice(0, CAPTION_LENGTH_MAX * 2));
  return rich.length > 0 ? rich : parsePlain(cleanText(readString(content, "body") ?? "", CAPTION_LENGTH_MAX));
}

interface Extras {
  readonly name: string;
  readonly caption?: RichText;
  readonly album?: string;
}

function parseExtras(content: JsonRecord, fallbackName: string): Extras {
  const { name, hasCaption } = parseFileName(content, fallbackName);
  const caption = parseCaption(content, hasCaption);
  const album = readToken(content, ALBUM_FIELD, 64);
  return { name, ...(caption === undefined ? {} : { caption }), ...(album !== undefined && /^[\w-]{1,64}$/u.test(album) ? { album } : {}) };
}

function parseImage(content: JsonRecord, kind: "image" | "sticker"): MessageBody | undefined {
  const info = readChild(content, "info");
  const source = parseSource(content, info);
  if (source === undefined) return undefined;
  const picture = isInline(info, "picture") ? parsePicture(source, info) : undefined;
  if (picture === undefined) return parseFile(content);
  const { name, caption, album } = parseExtras(content, kind);
  if (kind === "sticker") return { kind, picture, name: cleanName(readString(content, "body") ?? "", LABEL_LENGTH_MAX) || name };
  return { kind, picture, name, ...(caption === undefined ? {} : { caption }), ...(album === undefined ? {} : { album }) };
}

function parseVideo(content: JsonRecord): MessageBody | undefined {
  const info = readChild(content, "info");
  const source = parseSource(content, info);
  if (source === undefined) return undefined;
  const picture = isInline(info, "video") ? parsePicture(source, info) : undefined;
  if (picture === undefined) return parseFile(content);
  return { kind: "video", picture, durationMs: readInteger(info, "duration", 0, DURATION_MS_MAX) ?? 0, ...parseExtras(content, "video") };
}

function parseAudio(content: JsonRecord): MessageBody | undefined {
  const info = readChild(content, "info");
  const source = parseSource(content, info);
  if (source === undefined) return undefined;
  if (!isInline(info, "audio")) return parseFile(content);
  const details = readFirstChild(content, ["org.matrix.msc1767.audio", "m.audio_details"]);
  const isVoice = readFirstChild(content, ["org.matrix.msc3245.voice", "org.matrix.msc3245.voice.v2", "m.voice"]) !== undefined;
  const durationMs = readInteger(info, "duration", 0, DURATION_MS_MAX) ?? readInteger(details, "duration", 0, DURATION_MS_MAX) ?? 0;
  return { kind: isVoice ? "voice" : "audio", source, durationMs, waveform: parseWaveform(details), name: parseExtras(content, "audio").name };
}

/** At most WAVEFORM_LENGTH_MAX samples from 0 to 1,024; of longer waveforms the peaks. */
function parseWaveform(details: JsonRecord | undefined): readonly number[] {
  const values = readList(details, "waveform", WAVEFORM_READ_MAX);
  if (!values.every((value) => typeof value === "number" && Number.isFinite(value))) return [];
  const samples = (values as readonly number[]).map((value) => Math.min(Math.max(Math.round(value), 0), WAVEFORM_VALUE_MAX));
  if (samples.length <= WAVEFORM_LENGTH_MAX) return samples;
  return Array.from({ length: WAVEFORM_LENGTH_MAX }, (_, index) => {
    const from = Math.floor((index * samples.length) / WAVEFORM_LENGTH_MAX);
    const to = Math.floor(((index + 1) * samples.length) / WAVEFORM_LENGTH_MAX);
    return Math.max(...samples.slice(from, to));
  });
}

function parseFile(content: JsonRecord): MessageBody | undefined {
  const info = readChild(content, "info");
  const source = parseSource(content, info);
  if (source === undefined) return undefined;
  const { name, caption } = parseExtras(content, "file");
  return { kind: "file", source, name, ...(caption === undefined ? {} : { caption }) };
}

function parseLocation(content: JsonRecord): MessageBody | undefined {
  const location = readFirstChild(content, LOCATION_FIELDS);
  const place = parseGeoUri(readString(location, "uri") ?? "") ?? parseGeoUri(readString(content, "geo_uri") ?? "");
  if (place === undefined) return undefined;
  const label = cleanName(readString(location, "description") ?? readString(content, "body") ?? "", LABEL_LENGTH_MAX);
  // Many clients write the coordinates or their URI where others write the place's name.
  return { kind: "location", ...place, label: /geo:/iu.test(label) ? "" : label };
}

function parseContact(content: JsonRecord): MessageBody | undefined {
  const contact = readChild(content, CONTACT_FIELD);
  const userId = readToken(contact, "user_id", 255);
  if (userId === undefined || !isUserId(userId)) return undefined;
  return { kind: "contact", userId, name: cleanName(readString(contact, "name") ?? "", 100) || userId };
}

function parsePollBody(content: JsonRecord): MessageBody | undefined {
  const poll = parsePoll(content);
  return poll === undefined ? undefined : { kind: "poll", ...poll };
}

function isVideoCall(content: JsonRecord): boolean {
  const sdp = readString(readChild(content, "offer"), "sdp") ?? "";
  return sdp.slice(0, 200_000).includes("m=video") || readField(content, "m.call.intent") === "video";
}
