import type { ChatSummary } from "./engine";
import type { Incoming } from "./notifications";

/** What may be heard: somebody writes, somebody mentions us, somebody invites us, and what we write has reached the server. */
export const SOUND_KINDS = ["message", "mention", "invite", "sent"] as const;
export type SoundKind = (typeof SOUND_KINDS)[number];
export type Sounds = Readonly<Record<SoundKind, boolean>>;

/** One's own messages are no news. */
const FIRST: Sounds = { message: true, mention: true, invite: true, sent: false };
const NONE = "off";

/** From storage: the kinds that are heard, "off" for none. Anything else ("on" of earlier versions, or nothing) is what one begins with. */
export function readSounds(saved: string | undefined): Sounds {
  if (saved === NONE) return buildSounds([]);
  const kinds = SOUND_KINDS.filter((kind) => saved?.split(" ").includes(kind));
  return kinds.length === 0 ? FIRST : buildSounds(kinds);
}

export function writeSounds(sounds: Sounds): string {
  return SOUND_KINDS.filter((kind) => sounds[kind]).join(" ") || NONE;
}

function buildSounds(kinds: readonly SoundKind[]): Sounds {
  return Object.fromEntries(SOUND_KINDS.map((kind) => [kind, kinds.includes(kind)])) as Record<SoundKind, boolean>;
}

/** What is heard of something that came in; undefined if nothing is. Of muted chats nothing comes here at all. */
export function soundOf({ hasSound, isMention, message }: Incoming, sounds: Sounds): SoundKind | undefined {
  const kind = message === undefined ? "invite" : isMention ? "mention" : "message";
  return hasSound && sounds[kind] ? kind : undefined;
}

const ON_THE_WAY: ReadonlySet<string> = new Set(["waiting", "sending"]);
const ARRIVED: ReadonlySet<string> = new Set(["held", "delivered", "read"]);

/** Notices when a message of ours has reached the server, by the last lines of the chats. */
export class SentWatch {
  readonly #onTheWay = new Map<string, string>();

  /** True if one has arrived since the last call. */
  take(chats: readonly ChatSummary[]): boolean {
    let hasArrived = false;
    for (const { roomId, last } of chats) {
      const message = last?.message;
      const before = this.#onTheWay.get(roomId);
      if (message?.isOwn === true && ON_THE_WAY.has(message.status)) this.#onTheWay.set(roomId, message.id);
      else {
        if (before !== undefined && message?.id === before && ARRIVED.has(message.status)) hasArrived = true;
        this.#onTheWay.delete(roomId);
      }
    }
    return hasArrived;
  }
}
