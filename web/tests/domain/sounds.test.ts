import { expect, test } from "vitest";
import type { ChatSummary } from "@/domain/engine";
import type { Message, MessageStatus } from "@/domain/message";
import type { Incoming } from "@/domain/notifications";
import { readSounds, SentWatch, soundOf, writeSounds } from "@/domain/sounds";

const FIRST = { message: true, mention: true, invite: true, sent: false };

test("the choice of sounds is kept, and what earlier versions kept is understood", () => {
  expect(readSounds(undefined)).toEqual(FIRST);
  expect(readSounds("on")).toEqual(FIRST);
  expect(readSounds("constructor <b>")).toEqual(FIRST);
  expect(readSounds("off")).toEqual({ message: false, mention: false, invite: false, sent: false });
  for (const sounds of [FIRST, { message: false, mention: true, invite: false, sent: true }, readSounds("off")]) expect(readSounds(writeSounds(sounds))).toEqual(sounds);
});

test("each kind of news has its sound, and silence stays silent", () => {
  const incoming: Incoming = { roomId: "!r", eventId: "$e", chatName: "", isDirect: true, message: {} as Message, senderName: "", hasSound: true, isMention: false };
  const { message: _message, ...invite } = incoming;
  expect(soundOf(incoming, FIRST)).toBe("message");
  expect(soundOf({ ...incoming, isMention: true }, FIRST)).toBe("mention");
  expect(soundOf(invite, FIRST)).toBe("invite");
  expect(soundOf({ ...incoming, hasSound: false }, FIRST)).toBeUndefined();
  expect(soundOf(incoming, { ...FIRST, message: false })).toBeUndefined();
  expect(soundOf({ ...incoming, isMention: true }, { ...FIRST, mention: false })).toBeUndefined();
});

test("a message of ours is heard once it has reached the server, once", () => {
  const watch = new SentWatch();
  const chat = (roomId: string, id: string, status: MessageStatus, isOwn = true) => ({ roomId, last: { message: { id, status, isOwn }, sentAt: 0 } }) as unknown as ChatSummary;
  expect(watch.take([chat("!a", "1", "held")])).toBe(false);
  expect(watch.take([chat("!a", "2", "waiting")])).toBe(false);
  expect(watch.take([chat("!a", "2", "sending"), chat("!b", "9", "waiting")])).toBe(false);
  expect(watch.take([chat("!a", "2", "held"), chat("!b", "9", "waiting")])).toBe(true);
  expect(watch.take([chat("!a", "2", "read"), chat("!b", "9", "failed")])).toBe(false);
  expect(watch.take([chat("!b", "9", "held")])).toBe(false);
  watch.take([chat("!c", "5", "sending")]);
  expect(watch.take([chat("!c", "6", "held", false)])).toBe(false);
  expect(watch.take([{ roomId: "!c" } as ChatSummary])).toBe(false);
});
