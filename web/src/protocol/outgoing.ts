import type { OutgoingText } from "@/domain/engine";
import type { Coordinates } from "@/domain/location";
import { type Content, buildContactContent, buildEdit, buildLocationContent, buildPollStart, buildPosition, buildTextContent, type Outgoing, type Position } from "@/domain/message_content";
import { envelopeContent, SILENT_FIELD } from "@/domain/message_envelope";
import { buildStickerContent, type StickerImage } from "@/domain/stickers";

/** What the chat adds to everything sent in it. */
export interface Extras {
  readonly disappearAfterS: number;
  /** How often it was forwarded before. */
  readonly hop?: number;
}

export function outgoingText(text: OutgoingText, extras: Extras): Outgoing {
  const { markdown, mentions, replyTo, threadRoot } = text;
  const position = { ...(replyTo === undefined ? {} : { replyTo }), ...(threadRoot === undefined ? {} : { threadRoot }) };
  return { type: "m.room.message", content: withEnvelope(buildTextContent(markdown, { mentions, ...position }), { ...extras, hop: text.hop }, text.silent) };
}

export function outgoingEdit(eventId: string, text: OutgoingText): Outgoing {
  return { type: "m.room.message", content: buildEdit(eventId, withEnvelope(buildTextContent(text.markdown, { mentions: text.mentions }), { disappearAfterS: 0, hop: text.hop })) };
}

export function outgoingPoll(question: string, answers: readonly string[], selectionsMax: number, disclosed: boolean, extras: Extras): Outgoing {
  const { type, content } = buildPollStart(question, answers, selectionsMax, disclosed, () => crypto.randomUUID());
  return { type, content: withEnvelope(content, extras) };
}

export function outgoingLocation(place: Coordinates, label: string, now: number, extras: Extras): Outgoing {
  return { type: "m.room.message", content: withEnvelope(buildLocationContent(place, label, now), extras) };
}

export function outgoingContact(userId: string, name: string, extras: Extras): Outgoing {
  return { type: "m.room.message", content: withEnvelope(buildContactContent(userId, name), extras) };
}

export function outgoingSticker(sticker: StickerImage, position: Position, extras: Extras): Outgoing {
  return { type: "m.sticker", content: withEnvelope({ ...buildStickerContent(sticker), ...buildPosition(position) }, extras) };
}

function withEnvelope(content: Content, { hop = 0, disappearAfterS }: Extras, silent = false): Content {
  return { ...content, ...(silent ? { [SILENT_FIELD]: true } : {}), ...envelopeContent({ hop, disappearAfterS, viewOnce: false }) };
}
