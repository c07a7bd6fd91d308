import type { Chat, ChatSummary, Member, Upload } from "@/domain/engine";
import type { Message } from "@/domain/message";
import type { MessageContext } from "@/domain/message_builder";
import { Store } from "@/domain/store";
import type { Account } from "./account";
import { buildSending, VIEWED_EVENT } from "./chat_actions";
import type { ChatList } from "./chat_list";
import { ChatTimeline } from "./chat_timeline";
import { loadMessage } from "./load_message";
import type { MessageFlags } from "./message_flags";
import { buildSettings, setMarkedUnread } from "./room_actions";
import { buildPerson } from "./room_facts";
import type { Schedule } from "./schedule";
import { ThreadList } from "./thread_list";
import { ThreadTimeline } from "./thread_timeline";
import type { Threads } from "./threads";
import type { RoomTicks } from "./ticks";

export interface ChatParts {
  readonly account: Account;
  readonly list: ChatList;
  readonly ticks: RoomTicks;
  readonly context: MessageContext;
  readonly flags: MessageFlags;
  readonly threads: Threads;
  readonly schedule: Schedule;
  readonly setDraft: (markdown: string) => void;
}

const THREADS_OPEN_MAX = 5;
const PRESENCE_TYPES_ONLINE: ReadonlySet<string> = new Set(["online", "unavailable"]);

/** One chat at work. */
export class OpenChat {
  readonly chat: Chat;
  readonly timeline: ChatTimeline;
  /** Fulfilled when the chat is on the screen as this device knows it. */
  readonly shown: Promise<void>;
  readonly #parts: ChatParts;
  readonly #roomId: string;
  readonly #summary: Store<ChatSummary>;
  readonly #members = new Store<readonly Member[]>([]);
  readonly #uploads = new Store<readonly Upload[]>([]);
  readonly #threadList: ThreadList;
  readonly #threads = new Map<string, { readonly chat: Chat; readonly timeline: ThreadTimeline }>();
  readonly #ends: (() => void)[] = [];
  #draftless: { readonly from: ChatSummary; readonly summary: ChatSummary } | undefined;
  #membersScheduled = false;
  #readUntold = false;

  constructor(parts: ChatParts, roomId: string) {
    this.#parts = parts;
    this.#roomId = roomId;
    const { account, list } = parts;
    this.timeline = new ChatTimeline(account, roomId, parts.ticks, parts.context);
    this.#threadList = new ThreadList(account, parts.threads, parts.context, roomId);
    this.#summary = new Store(list.summary(roomId) ?? emptySummary(roomId));
    this.#ends.push(
      list.chats.subscribe(() => this.#summary.set(list.summary(roomId) ?? this.#summary.get())),
      account.queue.uploads.subscribe(() => this.#listUploads()),
    );
    this.chat = this.#build();
    this.refreshMembers();
    this.shown = this.timeline.openLive();
    void this.#open();
  }

  refreshMembers(): void {
    if (this.#membersScheduled) return;
    this.#membersScheduled = true;
    setTimeout(() => {
      this.#membersScheduled = false;
      this.#listMembers();
    });
  }

  /** The SDK has the room now, or we have become its member: only then can it be asked who else is in it. */
  takeRoom(): void {
    this.refreshMembers();
    void this.#loadMembers().then(() => this.timeline.touchAll());
  }

  /** Keys of these people have come or changed: warnings that only came of keys not yet known go away. */
  recheckShields(userIds: readonly string[]): void {
    const { client, histories } = this.#parts.account;
    const room = client.getRoom(this.#roomId);
    for (const { sender, shield, eventId } of this.timeline.model.records()) {
      const event = shield === "unverified-device" && userIds.includes(sender) ? room?.findEventById(eventId) : undefined;
      if (event) void histories.of(this.#roomId).update(event).catch(() => undefined);
    }
  }

  /** Something outside the history has changed for messages. */
  touchAll(): void {
    this.timeline.touchAll();
    for (const { timeline } of this.#threads.values()) timeline.touchAll();
  }

  touchThread(rootId: string): void {
    this.timeline.touch([rootId]);
    this.#threadList.refresh();
  }

  close(): void {
    this.timeline.close();
    for (const { timeline } of this.#threads.values()) timeline.close();
    for (const end of this.#ends) end();
  }

  async #open(): Promise<void> {
    await this.shown;
    if (this.#summary.get().unread > 0) this.timeline.markUnreadFrom(this.#parts.ticks.ownRead);
    await this.#loadMembers();
    this.timeline.touchAll();
  }

  async #loadMembers(): Promise<void> {
    const room = this.#parts.account.client.getRoom(this.#roomId);
    if (room?.getMyMembership() === "join") await room.loadMembersIfNeeded().catch(() => false);
    this.refreshMembers();
  }

  #build(): Chat {
    const { account, flags, setDraft, schedule } = this.#parts;
    const roomId = this.#roomId;
    const { model } = this.timeline;
    return {
      roomId,
      summary: this.#summary,
      timeline: this.timeline.readable,
      members: this.#members,
      uploads: this.#uploads,
      loadBefore: () => this.timeline.loadBefore(),
      loadAfter: () => this.timeline.loadAfter(),
      jumpTo: (target) => ("eventId" in target ? this.timeline.jumpToEvent(target.eventId) : this.timeline.jumpToTime(target.time)),
      jumpToLive: () => {
        this.timeline.markUnreadFrom(undefined);
        if (!this.timeline.isLive || this.timeline.readable.get().failure !== undefined) void this.timeline.openLive();
      },
      message: (eventId) => this.#message(eventId),
      thread: (rootId) => this.#thread(rootId),
      threads: this.#threadList.readable,
      loadThreads: (part) => this.#threadList.load(part),
      scheduled: schedule.of(roomId),
      schedule: (text, at) => schedule.add(roomId, text, at),
      unschedule: (id) => schedule.remove(id),
      ...buildSending(account, roomId, (eventId) => model.related(eventId)),
      ...buildSettings(account, roomId),
      setStarred: (eventId, starred) => flags.setStarred(roomId, eventId, starred),
      deleteForMe: (messageId) => this.#deleteForMe(messageId),
      markViewed: (eventId) => this.#markViewed(eventId),
      markRead: () => {
        this.timeline.letGoOfOldest();
        void this.markRead();
      },
      setDraft,
    };
  }

  #thread(rootId: string): Chat {
    const known = this.#threads.get(rootId);
    if (known) return known.chat;
    const { account, ticks, context, threads, schedule } = this.#parts;
    const timeline = new ThreadTimeline(account, this.#roomId, rootId, ticks, context);
    const chat: Chat = {
      ...this.chat,
      timeline: timeline.readable,
      // The draft is the chat's.
      summary: { subscribe: this.#summary.subscribe, get: () => this.#withoutDraft(this.#summary.get()) },
      loadBefore: async () => undefined,
      loadAfter: async () => undefined,
      jumpTo: async () => undefined,
      jumpToLive: () => undefined,
      message: async (eventId) => timeline.model.message(eventId) ?? this.#message(eventId),
      schedule: (text, at) => schedule.add(this.#roomId, { ...text, threadRoot: rootId }, at),
      ...buildSending(account, this.#roomId, (eventId) => timeline.model.related(eventId), rootId),
      markRead: () => void threads.read(this.#roomId, rootId, timeline.lastEventId),
      setDraft: () => undefined,
    };
    this.#threads.set(rootId, { chat, timeline });
    const oldest = this.#threads.entries().next().value;
    if (oldest && this.#threads.size > THREADS_OPEN_MAX) {
      oldest[1].timeline.close();
      this.#threads.delete(oldest[0]);
    }
    return chat;
  }

  #withoutDraft(summary: ChatSummary): ChatSummary {
    if (this.#draftless?.from !== summary) {
      const { draft: _draft, ...rest } = summary;
      this.#draftless = { from: summary, summary: rest };
    }
    return this.#draftless.summary;
  }

  async #message(eventId: string): Promise<Message | undefined> {
    const loaded = this.timeline.model.message(eventId);
    if (loaded) return loaded;
    return loadMessage(this.#parts.account, this.#parts.context, this.#roomId, eventId);
  }

  async #deleteForMe(messageId: string): Promise<void> {
    const { account, flags } = this.#parts;
    if (await account.queue.cancel(messageId)) return;
    const eventId = this.#eventIdOf(messageId);
    if (eventId === undefined) return;
    await account.histories.of(this.#roomId).hide(eventId);
    await flags.hide(this.#roomId, eventId);
  }

  #eventIdOf(messageId: string): string | undefined {
    if (messageId.startsWith("$")) return messageId;
    for (const record of this.timeline.model.records()) if (record.transactionId === messageId) return record.eventId;
    return this.#parts.account.queue.items.get().find(({ id }) => id === messageId)?.eventId;
  }

  /** Seen once: what it held is gone from here at once, and its sender's client takes it from everywhere. */
  #markViewed(eventId: string): void {
    const { account } = this.#parts;
    const record = this.timeline.model.record(eventId);
    if (!record || record.sender === account.userId || record.redactedBy !== undefined) return;
    void account.histories.of(this.#roomId).redactLocally(eventId, account.userId);
    void account.queue.add({ roomId: this.#roomId, type: VIEWED_EVENT, content: { "m.relates_to": { rel_type: "m.reference", event_id: eventId } } });
  }

  /** What could not be told is told when the server can be reached again. */
  async markRead(): Promise<void> {
    try {
      await this.#markRead();
      this.#readUntold = false;
    } catch {
      this.#readUntold = true;
    }
  }

  goOnline(): void {
    if (this.#readUntold) void this.markRead();
    // Asked without a network, the server could not say who is in it.
    if (this.#parts.account.client.getRoom(this.#roomId)?.membersLoaded() === false) this.takeRoom();
    void this.timeline.refill().catch(() => undefined);
  }

  async #markRead(): Promise<void> {
    const { account, ticks } = this.#parts;
    const { client } = account;
    if (this.#summary.get().markedUnread) await setMarkedUnread(client, this.#roomId, false);
    const [last] = (await account.archive.recent(this.#roomId, 1)) ?? [];
    if (last?.eventId === undefined || last.order <= (ticks.ownRead ?? -Infinity)) return;
    const isPublic = client.getAccountData("org.zajil.privacy" as never)?.getContent()["read_receipts"] !== false;
    await client.setRoomReadMarkersHttpRequest(this.#roomId, last.eventId, isPublic ? last.eventId : undefined, isPublic ? undefined : last.eventId);
    account.receipts.note(this.#roomId, account.userId, last.eventId, account.now());
    client.getRoom(this.#roomId)?.setUnreadNotificationCount("total" as never, 0);
    client.getRoom(this.#roomId)?.setUnreadNotificationCount("highlight" as never, 0);
  }

  #listUploads(): void {
    const { queue } = this.#parts.account;
    const uploads: Upload[] = [];
    for (const item of queue.items.get()) {
      const progress = item.roomId === this.#roomId ? queue.uploads.get().get(item.id) : undefined;
      if (progress) uploads.push({ messageId: item.id, ...progress });
    }
    if (uploads.length > 0 || this.#uploads.get().length > 0) this.#uploads.set(uploads);
  }

  #listMembers(): void {
    const { client, trust } = this.#parts.account;
    const room = client.getRoom(this.#roomId);
    if (!room) return;
    const members = room.getMembers().map((member): Member => {
      const user = client.getUser(member.userId);
      const online = PRESENCE_TYPES_ONLINE.has(user?.presence ?? "") && (user?.currentlyActive || user?.presence === "online");
      const seenAt = user?.lastPresenceTs && user.lastActiveAgo ? user.lastPresenceTs - user.lastActiveAgo : undefined;
      const presence = user?.events.presence ? { presence: { online, ...(seenAt === undefined ? {} : { lastSeenAt: seenAt }) } } : {};
      return { ...buildPerson(client, trust, member.userId, room), membership: (member.membership ?? "leave") as Member["membership"], powerLevel: member.powerLevel, ...presence };
    });
    this.#members.set(members);
  }
}

function emptySummary(roomId: string): ChatSummary {
  return {
    roomId, kind: "group", membership: "join", name: "", encrypted: true, membersCount: 0, unread: 0, mentions: 0, markedUnread: false, typing: [],
    pinned: false, archived: false, folders: [], parents: [], disappearAfterS: 0, maySend: false,
  };
}
