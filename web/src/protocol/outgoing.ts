import type { OutgoingText } from "@/domain/engine";
import { buildContactContent, buildEdit, buildLocationContent, buildPollEnd, buildPollResponse, buildPollStart, buildPosition, buildReaction, buildTextContent } from "@/domain/message_content";
import { envelopeContent } from "@/domain/message_envelope";

type Content = Record<string, unknown>;

export interface Extras {
  readonly disappearAfterS: number;
}

function envelope(hop: number, extras: Extras): Content {
  return envelopeContent({ hop, disappearAfterS: extras.disappearAfterS, viewOnce: false });
}

/** A text message's content, without what it relates to. */
export function textContent(text: OutgoingText, extras: Extras): Content {
  return { ...buildTextContent(text.markdown, { mentions: text.mentions }), ...envelope(text.hop, extras) };
}

export function relationContent(replyTo: string | undefined, threadRoot: string | undefined): Content {
  return { ...buildPosition({ ...(replyTo === undefined ? {} : { replyTo }), ...(threadRoot === undefined ? {} : { threadRoot }) }) };
}

export function editContent(eventId: string, fresh: Content): Content {
  return { ...buildEdit(eventId, fresh) };
}

export function reactionContent(eventId: string, key: string): Content {
  return { ...buildReaction(eventId, key).content };
}

export function pollContent(question: string, answers: readonly string[], selectionsMax: number, disclosed: boolean, extras: Extras): Content {
  return { ...buildPollStart(question, answers, selectionsMax, disclosed, () => crypto.randomUUID()).content, ...envelope(0, extras) };
}

export function voteContent(pollEventId: string, answerIds: readonly string[]): Content {
  return { ...buildPollResponse(pollEventId, answerIds).content };
}

export function pollEndContent(pollEventId: string): Content {
  return { ...buildPollEnd(pollEventId, "The poll has ended.").content };
}

export function locationContent(latitude: number, longitude: number, label: string, extras: Extras): Content {
  return { ...buildLocationContent(latitude, longitude, label, Date.now()), ...envelope(0, extras) };
}

/** A contact card, which other clients show as a link to the person. */
export function contactContent(userId: string, name: string, extras: Extras): Content {
  return { ...buildContactContent(userId, name), ...envelope(0, extras) };
}
