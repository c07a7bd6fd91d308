import type { AccountSettings, Devices } from "./account_settings";
import type { Communities } from "./communities";
import type { Invites } from "./invites";
import type { ForwardGuard } from "./forward_guard/forward_guard";
import type { Heard } from "./heard";
import type { LinkPreview } from "./link_preview";
import type { AccountKeys } from "./keys";
import type { Coordinates } from "./location";
import type { Message, MediaSource } from "./message";
import type { People } from "./people";
import type { DistributionLists } from "./people_lists";
import type { RoomCare } from "./room_details";
import type { OwnAccount } from "./settings";
import type { StickerImage, Stickers } from "./stickers";
import type { Readable } from "./store";
import type { ThreadList } from "./thread_list";
import type { Verification } from "./verification";

/**
 * One signed-in account at work, as views see it. `protocol/start_engine.ts` makes it on top of matrix-js-sdk; nothing here knows the SDK.
 * Every action that sends goes through the durable queue: it returns at once, shows up in the timeline as "waiting" and survives a reload.
 * Other actions return a promise that fails with a `Problem` (domain/problem.ts), which has a sentence and a next step in both languages.
 */
export interface Engine {
  readonly userId: string;
  readonly deviceId: string;
  readonly profile: Readable<Person>;
  readonly connection: Readable<Connection>;
  readonly chats: Readable<readonly ChatSummary[]>;
  /** The chat's view model; the same object each time while it is in use. */
  openChat(roomId: string): Chat;
  /** Makes an encrypted chat with one person, or finds the one there is. */
  startDirectChat(userId: string): Promise<string>;
  createGroup(group: NewGroup): Promise<string>;
  /** Joins by ID, alias or invitation link; a knock where the room asks for one. */
  join(target: string, via: readonly string[], reason?: string): Promise<"joined" | "knocked">;
  findPeople(words: string): Promise<readonly Person[]>;
  readonly keys: AccountKeys;
  readonly verifications: Readable<readonly Verification[]>;
  /** Asks a person, one of our other devices, or all of these, to compare keys; gives the verification's ID. */
  verify(target: { readonly userId: string } | { readonly deviceId: string } | "own-devices"): Promise<string>;
  readonly devices: Devices;
  readonly settings: AccountSettings;
  /** All else that the settings show and change. */
  readonly own: OwnAccount;
  /** Users whose messages are not shown, here and on all devices. */
  readonly blocked: Readable<readonly string[]>;
  setBlocked(userId: string, blocked: boolean): Promise<void>;
  /** The person's keys have changed and that is all right: they are known again, no longer verified. */
  acceptIdentity(userId: string): Promise<void>;
  readonly people: People;
  readonly lists: DistributionLists;
  readonly invites: Invites;
  readonly communities: Communities;
  /** What a room is besides its messages: powers, access, pins, files. */
  care(roomId: string): RoomCare;
  /** Knows what was received and passed on: the forward ladder. Fed and kept by the engine. */
  readonly guard: ForwardGuard;
  readonly stickers: Stickers;
  /** Voice messages that were listened to on this device. */
  readonly heard: Readable<Heard>;
  markHeard(eventId: string): void;
  /** What the page behind a link says of itself; the server fetches it, and so learns the address. Undefined if it says nothing. */
  previewLink(url: string): Promise<LinkPreview | undefined>;
  /** Messages on this device with these words, newest first; in one chat, or in all. */
  /** Starred messages of all chats, the newest first. */
  loadStarred(): Promise<readonly Message[]>;
  search(words: string, filters?: SearchFilters): Promise<readonly Message[]>;
  /** Loads older messages of a chat, so that they are searched too; tells how many were found so far and how old the oldest is. False once there are no more. */
  searchFurther(roomId: string, found: (count: number, oldestAt: number) => void): Promise<boolean>;
  stop(): Promise<void>;
}

export interface SearchFilters {
  readonly roomId?: string;
  readonly sender?: string;
  /** ms since 1970. */
  readonly after?: number;
  readonly before?: number;
}

export interface Person {
  readonly userId: string;
  readonly name: string;
  readonly avatar?: MediaSource;
  readonly trust: "unknown" | "known" | "verified";
  /** Their keys are others than those seen before: somebody may be in between, or they began anew. To be accepted or verified. */
  readonly identityChanged?: boolean;
}

export type Connection =
  | { readonly state: "starting" }
  | { readonly state: "online"; readonly since: number }
  /** No answer from the server since `since`; next try at `retryAt` (ms since 1970). */
  | { readonly state: "offline"; readonly since: number; readonly retryAt?: number }
  /** The server has asked to come back at `retryAt`: there is too much to do at this moment. */
  | { readonly state: "busy"; readonly since: number; readonly retryAt: number }
  /** The server says so itself (its status page). */
  | { readonly state: "degraded" | "outage"; readonly since: number; readonly link: string }
  /** The account could not be put to work on this device: its keys or its store cannot be opened. */
  | { readonly state: "broken"; readonly since: number; readonly link?: string }
  /** The session has ended elsewhere (logged out, deleted, locked); "expired" keeps the device and asks for the password again. */
  | { readonly state: "ended"; readonly reason: "logged-out" | "expired" | "locked" | "deactivated" };

export type ChatKind = "direct" | "group" | "channel" | "community" | "notes";

export interface ChatSummary {
  readonly roomId: string;
  readonly kind: ChatKind;
  readonly membership: "join" | "invite" | "knock" | "leave";
  readonly name: string;
  readonly avatar?: MediaSource;
  /** The other person of a direct chat. */
  readonly peer?: Person;
  readonly encrypted: boolean;
  readonly membersCount: number;
  readonly last?: { readonly message: Message; readonly sentAt: number };
  readonly unread: number;
  readonly mentions: number;
  readonly markedUnread: boolean;
  readonly draft?: string;
  /** Names of who is typing now. */
  readonly typing: readonly string[];
  readonly pinned: boolean;
  readonly archived: boolean;
  readonly mutedUntil?: number;
  readonly folders: readonly string[];
  /** Communities this chat belongs to. */
  readonly parents: readonly string[];
  /** Who invited us, for message requests. */
  readonly inviter?: Person;
  /** Seconds after which new messages disappear; 0 = never. */
  readonly disappearAfterS: number;
  /** False in a channel in which we only read. */
  readonly maySend: boolean;
}

export interface NewGroup {
  readonly kind: "group" | "channel" | "community";
  readonly name: string;
  readonly topic?: string;
  readonly invite: readonly string[];
  readonly access: "private" | "knock" | "public";
  readonly alias?: string;
  readonly avatar?: Blob;
  readonly disappearAfterS?: number;
}

export type TimelineItem =
  | { readonly type: "message"; readonly key: string; readonly message: Message; /** First of a run by one sender. */ readonly opensGroup: boolean }
  | { readonly type: "date"; readonly key: string; readonly day: number }
  | { readonly type: "unread"; readonly key: string }
  | NoticeItem
  /** Several of them in one line that opens; made by `buildShownItems`. */
  | { readonly type: "notices"; readonly key: string; readonly notices: readonly NoticeItem[] }
  | { readonly type: "gap"; readonly key: string };

/** Membership, name, settings changes: an i18n key and its values. */
export interface NoticeItem {
  readonly type: "notice";
  readonly key: string;
  readonly textKey: string;
  readonly values: Readonly<Record<string, string>>;
  readonly sentAt: number;
}

export interface Timeline {
  /** Oldest first. */
  readonly items: readonly TimelineItem[];
  readonly hasBefore: boolean;
  readonly hasAfter: boolean;
  readonly loading: "no" | "before" | "after";
  /** Set when the chat cannot be shown; the rest of the app works on. */
  readonly failure?: string;
}

export interface Member extends Person {
  readonly membership: "join" | "invite" | "knock" | "ban" | "leave";
  readonly powerLevel: number;
  readonly presence?: { readonly online: boolean; readonly lastSeenAt?: number };
}

export interface OutgoingText {
  readonly markdown: string;
  readonly mentions: readonly string[];
  readonly replyTo?: string;
  readonly threadRoot?: string;
  /** 0 for one's own words, see forward_guard. */
  readonly hop: number;
  readonly silent?: boolean;
}

export interface OutgoingFile {
  readonly file: Blob;
  readonly name: string;
  readonly kind: "image" | "video" | "audio" | "voice" | "file" | "sticker";
  readonly caption?: string;
  readonly waveform?: readonly number[];
  readonly durationMs?: number;
  /** Of a picture or film, if known before it is prepared: its place in the chat has its shape at once. */
  readonly width?: number;
  readonly height?: number;
  readonly viewOnce?: boolean;
  readonly album?: string;
  readonly replyTo?: string;
  readonly threadRoot?: string;
  readonly hop: number;
  /** Of the file as it was chosen, in hexadecimal: what the forward guard knows it by. It stays on this device. */
  readonly sha256?: string;
}

/** A file on its way; `done` and `total` are bytes. */
export interface Upload {
  readonly messageId: string;
  readonly done: number;
  readonly total: number;
}

/** A text that waits on this device for its time, ms since 1970. */
export interface ScheduledText {
  readonly id: string;
  readonly at: number;
  readonly text: OutgoingText;
}

export interface Chat {
  readonly roomId: string;
  readonly summary: Readable<ChatSummary>;
  readonly timeline: Readable<Timeline>;
  readonly members: Readable<readonly Member[]>;
  readonly uploads: Readable<readonly Upload[]>;
  loadBefore(): Promise<void>;
  loadAfter(): Promise<void>;
  /** Shows the part of the history around an event, or the first event at or after a time (ms since 1970). */
  jumpTo(target: { readonly eventId: string } | { readonly time: number }): Promise<void>;
  jumpToLive(): void;
  message(eventId: string): Promise<Message | undefined>;
  /** The thread under a message, as a chat of its own: its timeline holds the message and the answers, and what is sent goes into the thread. */
  thread(rootEventId: string): Chat;
  /** All threads of this chat, once `loadThreads` was called. */
  readonly threads: Readable<ThreadList>;
  /** Asks the server for its newest threads, or for more of them. */
  loadThreads(part: "first" | "more"): Promise<void>;

  /** The earliest first. */
  readonly scheduled: Readable<readonly ScheduledText[]>;
  /** Goes out at that time if this device has the account open then, otherwise when it opens it next. */
  schedule(text: OutgoingText, at: number): void;
  unschedule(id: string): void;
  sendText(text: OutgoingText): void;
  sendFile(file: OutgoingFile): void;
  /** By its address at the server, so in chats that are not encrypted only; in others its file is sent. */
  sendSticker(sticker: StickerImage, replyTo?: string): void;
  /** `hop` as in OutgoingText. */
  sendPoll(question: string, answers: readonly string[], selectionsMax: number, disclosed: boolean, hop?: number): void;
  sendLocation(place: Coordinates, label: string, hop?: number): void;
  sendContact(userId: string, name: string, hop?: number): void;
  vote(pollEventId: string, answerIds: readonly string[]): void;
  endPoll(pollEventId: string): void;
  edit(eventId: string, text: OutgoingText): void;
  react(eventId: string, key: string): void;
  unreact(eventId: string, key: string): void;
  deleteForEveryone(eventId: string): void;
  deleteForMe(messageId: string): Promise<void>;
  retry(messageId: string): void;
  /** Takes back what was not sent yet. False if it may have reached the server: then it can be deleted once it stands there. */
  cancel(messageId: string): Promise<boolean>;
  setPinned(eventId: string, pinned: boolean): Promise<void>;
  setStarred(eventId: string, starred: boolean): Promise<void>;
  markViewed(eventId: string): void;

  markRead(): void;
  markUnread(): Promise<void>;
  setTyping(typing: boolean): void;
  setDraft(markdown: string): void;

  accept(): Promise<void>;
  leave(): Promise<void>;
  forget(): Promise<void>;
  setListFlags(flags: { readonly pinned?: boolean; readonly archived?: boolean; readonly mutedUntil?: number | null; readonly folders?: readonly string[] }): Promise<void>;
  setDisappearAfter(seconds: number): Promise<void>;
  rename(name: string): Promise<void>;
  setTopic(topic: string): Promise<void>;
  setAvatar(picture: Blob | null): Promise<void>;
  invite(userIds: readonly string[]): Promise<void>;
  remove(userId: string, reason?: string): Promise<void>;
  ban(userId: string, reason?: string): Promise<void>;
  unban(userId: string): Promise<void>;
  setPowerLevel(userId: string, level: number): Promise<void>;
  report(eventId: string | null, reason: string): Promise<void>;
}
