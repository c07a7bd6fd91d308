import type { RichText } from "./rich_text";

/** Where a file's bytes are: an mxc URI, with the key if it is encrypted (client-server API, "Sending encrypted attachments"). */
export interface MediaSource {
  readonly mxc: string;
  readonly key?: EncryptedFileKey;
  readonly mimeType: string;
  /** Bytes as the sender claims; 0 if not told. Never trusted for allocation. */
  readonly size: number;
}

export interface EncryptedFileKey {
  readonly k: string;
  readonly iv: string;
  readonly sha256: string;
}

export interface Picture {
  readonly source: MediaSource;
  readonly thumbnail?: MediaSource;
  readonly width: number;
  readonly height: number;
  readonly blurhash?: string;
}

export interface PollAnswer {
  readonly id: string;
  readonly text: string;
}

/** Votes as they stand: who chose each answer (empty while the poll hides them), what we chose, and whether it is over. */
export interface PollResults {
  readonly votes: Readonly<Record<string, readonly string[]>>;
  readonly mine: readonly string[];
  readonly ended: boolean;
}

/**
 * Why a message cannot be read. Restored keys help with "no-key"; with "not-backed-up" only another device can, as the backup
 * does not have the key; a message of a time when we were not in the chat ("before-join") was never meant for us.
 */
export type UndecryptableReason = "no-key" | "not-backed-up" | "before-join" | "not-yet" | "broken" | "withheld" | "withheld-unverified";

/** What a message says, parsed from hostile event content: everything here is bounded and of the type it claims. */
export type MessageBody =
  | { readonly kind: "text"; readonly style: "text" | "notice" | "emote"; readonly text: string; readonly rich: RichText }
  | { readonly kind: "image" | "sticker"; readonly picture: Picture; readonly name: string; readonly caption?: RichText; readonly album?: string }
  | { readonly kind: "video"; readonly picture: Picture; readonly durationMs: number; readonly name: string; readonly caption?: RichText; readonly album?: string }
  /** waveform: whole numbers from 0 to 1,024. */
  | { readonly kind: "voice" | "audio"; readonly source: MediaSource; readonly durationMs: number; readonly waveform: readonly number[]; readonly name: string }
  | { readonly kind: "file"; readonly source: MediaSource; readonly name: string; readonly caption?: RichText }
  | { readonly kind: "location"; readonly latitude: number; readonly longitude: number; readonly label: string; /** Metres. */ readonly uncertaintyM?: number }
  | { readonly kind: "contact"; readonly userId: string; readonly name: string }
  | { readonly kind: "poll"; readonly question: string; readonly answers: readonly PollAnswer[]; readonly selectionsMax: number; readonly disclosed: boolean }
  /** text: a key of the language files. */
  | { readonly kind: "call" | "change"; readonly text: string }
  | { readonly kind: "deleted"; readonly by: string }
  | { readonly kind: "undecryptable"; readonly reason: UndecryptableReason }
  | { readonly kind: "broken"; readonly type: string };

/** waiting → held → delivered → read; failed needs the user. */
export type MessageStatus = "waiting" | "sending" | "held" | "delivered" | "read" | "failed";

export interface Reaction {
  readonly key: string;
  readonly senders: readonly string[];
  /** Our own reaction's event ID, if we reacted with this. */
  readonly mine?: string;
}

export interface ThreadNote {
  /** Answers in it, and how many of them are not read. */
  readonly count: number;
  readonly unread: number;
  readonly latestAt: number;
}

export interface Message {
  /** Stable for React and for scrolling: the transaction ID while it is ours and local, else the event ID. */
  readonly id: string;
  /** Absent until the server has it. */
  readonly eventId?: string;
  readonly roomId: string;
  readonly sender: string;
  readonly senderName: string;
  readonly isOwn: boolean;
  /** Milliseconds since 1970, from the server once it has the message. */
  readonly sentAt: number;
  readonly body: MessageBody;
  readonly replyTo?: string;
  readonly threadRoot?: string;
  /** The thread that hangs under this message, as far as this device has seen it. */
  readonly thread?: ThreadNote;
  readonly edited: boolean;
  readonly reactions: readonly Reaction[];
  readonly status: MessageStatus;
  /** Why it failed: the server's error code, or a Problem's. */
  readonly failure?: string;
  /** It waits because the server has asked to send slower, until then (ms since 1970). */
  readonly slowUntil?: number;
  /** Since when the server holds it: its origin_server_ts. */
  readonly heldSince?: number;
  readonly deliveredTo: readonly string[];
  readonly readBy: readonly string[];
  /** How often the content was forwarded before (0 = own words): as it says, or as this device has found out; see forward_guard. */
  readonly hop: number;
  /** When it disappears, ms since 1970. */
  readonly expiresAt?: number;
  readonly viewOnce: boolean;
  /** Pictures that were sent together and stand in one bubble, this one the first of them; made by `buildShownItems`. */
  readonly album?: readonly Message[];
  readonly pinned: boolean;
  readonly starred: boolean;
  readonly encrypted: boolean;
  /** Of a message whose body is a poll. */
  readonly pollResults?: PollResults;
  /** Who may be trusted to have sent it: a warning shield is drawn for anything but "ok". */
  readonly shield: "ok" | "unverified-device" | "unencrypted" | "identity-changed";
}
