import type { Chat, OutgoingFile, OutgoingText } from "@/domain/engine";
import { type EventRecord, relationOf } from "@/domain/event_record";
import { buildPollEnd, buildPollResponse, buildPosition, buildReaction, type Outgoing } from "@/domain/message_content";
import type { Account } from "./account";
import { fileContent } from "./file_content";
import * as outgoing from "./outgoing";

export const VIEWED_EVENT = "org.zajil.viewed";

type Sending = Pick<
  Chat,
  "sendText" | "sendFile" | "sendSticker" | "sendPoll" | "sendLocation" | "sendContact" | "vote" | "endPoll" | "edit" | "react" | "unreact" | "deleteForEveryone" | "retry" | "cancel"
>;

/** What a chat, or the thread of it under `threadRoot`, sends. Everything goes into the durable queue and shows up from there. */
export function buildSending(account: Account, roomId: string, related: (eventId: string) => readonly EventRecord[], threadRoot?: string): Sending {
  const { queue, userId } = account;
  const extras = () => ({ disappearAfterS: account.disappearTimers.of(roomId) });
  const send = ({ type, content }: Outgoing) => void queue.add({ roomId, type, content });
  const inThread = threadRoot === undefined ? {} : { threadRoot };
  const sendHere = ({ type, content }: Outgoing) => send({ type, content: { ...content, ...buildPosition(inThread) } });
  const own = (eventId: string, key: string) => related(eventId).find((record) => record.sender === userId && record.type === "m.reaction" && relationOf(record)?.key === key);
  return {
    sendText: (text: OutgoingText) => send(outgoing.outgoingText({ ...text, ...inThread }, extras())),
    sendFile(file: OutgoingFile) {
      const { kind, name, durationMs, waveform } = file;
      const content = { ...fileContent(file, extras()), ...buildPosition({ ...(file.replyTo === undefined ? {} : { replyTo: file.replyTo }), ...(file.threadRoot === undefined ? {} : { threadRoot: file.threadRoot }), ...inThread }) };
      const known = { kind, name, ...(durationMs === undefined ? {} : { durationMs }), ...(waveform === undefined ? {} : { waveform }) };
      void queue.add({ roomId, type: kind === "sticker" ? "m.sticker" : "m.room.message", content, file: known }, file.file);
    },
    sendSticker: (sticker, replyTo) => send(outgoing.outgoingSticker(sticker, { ...inThread, ...(replyTo === undefined ? {} : { replyTo }) }, extras())),
    sendPoll: (question, answers, selectionsMax, disclosed, hop = 0) => sendHere(outgoing.outgoingPoll(question, answers, selectionsMax, disclosed, { ...extras(), hop })),
    sendLocation: (place, label, hop = 0) => sendHere(outgoing.outgoingLocation(place, label, account.now(), { ...extras(), hop })),
    sendContact: (contactId, name, hop = 0) => sendHere(outgoing.outgoingContact(contactId, name, { ...extras(), hop })),
    vote: (pollEventId, answerIds) => send(buildPollResponse(pollEventId, answerIds)),
    endPoll: (pollEventId) => send(buildPollEnd(pollEventId, "The poll has ended.")),
    edit: (eventId, text) => send(outgoing.outgoingEdit(eventId, text)),
    react(eventId, key) {
      if (!own(eventId, key)) send(buildReaction(eventId, key));
    },
    unreact(eventId, key) {
      const reaction = own(eventId, key);
      if (!reaction) return;
      // One that is still in the queue need not be sent at all.
      if (reaction.eventId.startsWith("$")) void queue.add({ roomId, type: "m.room.redaction", content: {}, redacts: reaction.eventId });
      else void queue.cancel(reaction.eventId);
    },
    deleteForEveryone: (eventId) => void queue.add({ roomId, type: "m.room.redaction", content: {}, redacts: eventId }),
    retry: (messageId) => void queue.retry(messageId),
    cancel: (messageId) => queue.cancel(messageId),
  };
}
