import type { Room } from "matrix-js-sdk";
import type { Chat, OutgoingFile, OutgoingText } from "@/domain/engine";
import type { EventRecord } from "@/domain/event_record";
import type { Account } from "./account";
import { fileContent } from "./file_content";
import * as outgoing from "./outgoing";
import { disappearAfterOf } from "./room_facts";

export const VIEWED_EVENT = "org.zajil.viewed";

type Sending = Pick<
  Chat,
  "sendText" | "sendFile" | "sendPoll" | "sendLocation" | "sendContact" | "vote" | "endPoll" | "edit" | "react" | "unreact" | "deleteForEveryone" | "retry" | "cancel"
>;

/** What a chat sends. Everything goes into the durable queue and shows up from there. */
export function buildSending(account: Account, roomId: string, find: (eventId: string) => EventRecord | undefined, related: (eventId: string) => readonly EventRecord[]): Sending {
  const { queue, userId } = account;
  const extras = () => ({ disappearAfterS: roomOf(account, roomId, disappearAfterOf) ?? 0 });
  const send = (type: string, content: Record<string, unknown>) => void queue.add({ roomId, type, content });
  const own = (eventId: string, key: string) =>
    related(eventId).find((record) => record.sender === userId && record.type === "m.reaction" && relatedKey(record) === key);
  return {
    sendText: (text: OutgoingText) => send("m.room.message", { ...outgoing.textContent(text, extras()), ...outgoing.relationContent(text.replyTo, text.threadRoot) }),
    sendFile(file: OutgoingFile) {
      const { kind, name, durationMs, waveform } = file;
      const content = { ...fileContent(file, extras()), ...outgoing.relationContent(file.replyTo, undefined) };
      const known = { kind, name, ...(durationMs === undefined ? {} : { durationMs }), ...(waveform === undefined ? {} : { waveform }) };
      void queue.add({ roomId, type: kind === "sticker" ? "m.sticker" : "m.room.message", content, file: known }, file.file);
    },
    sendPoll: (question, answers, selectionsMax, disclosed) => send("org.matrix.msc3381.poll.start", outgoing.pollContent(question, answers, selectionsMax, disclosed, extras())),
    sendLocation: (latitude, longitude, label) => send("m.room.message", outgoing.locationContent(latitude, longitude, label, extras())),
    sendContact: (contactId, name) => send("m.room.message", outgoing.contactContent(contactId, name, extras())),
    vote: (pollEventId, answerIds) => send("org.matrix.msc3381.poll.response", outgoing.voteContent(pollEventId, answerIds)),
    endPoll: (pollEventId) => send("org.matrix.msc3381.poll.end", outgoing.pollEndContent(pollEventId)),
    edit: (eventId, text) => send(find(eventId)?.type ?? "m.room.message", outgoing.editContent(eventId, outgoing.textContent(text, { disappearAfterS: 0 }))),
    react(eventId, key) {
      if (!own(eventId, key)) send("m.reaction", outgoing.reactionContent(eventId, key));
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
    cancel: (messageId) => void queue.cancel(messageId),
  };
}

function relatedKey(record: EventRecord): unknown {
  const relatesTo = record.content["m.relates_to"];
  return typeof relatesTo === "object" && relatesTo !== null && "key" in relatesTo ? relatesTo.key : undefined;
}

function roomOf<T>(account: Account, roomId: string, read: (room: Room) => T): T | undefined {
  const room = account.client.getRoom(roomId);
  return room ? read(room) : undefined;
}
