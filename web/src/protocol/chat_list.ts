import { NotificationCountType, type Room } from "matrix-js-sdk";
import type { ChatSummary, Person } from "@/domain/engine";
import { type EventRecord, type HistoryEntry, relationOf } from "@/domain/event_record";
import { buildMessage, isMessageType, type MessageContext } from "@/domain/message_builder";
import { compareChats } from "@/domain/chat_order";
import { buildOutgoing, isRelationItem, recordOfItem } from "@/domain/outgoing_message";
import type { QueueItem } from "@/domain/send_queue";
import { Store, type Readable } from "@/domain/store";
import type { Account } from "./account";
import * as facts from "./room_facts";
import { localpart, memberName } from "./event_adapter";
import { parseSavedChats, SAVED_CHATS } from "./warm_list";

const LOOK_BACK_PAGE = 50;
const LOOK_BACK_PAGES_MAX = 4;
const MEMBERSHIPS: ReadonlySet<string> = new Set(["join", "invite", "knock"]);

interface Last {
  readonly record: EventRecord;
  readonly order: number;
  readonly edits: readonly EventRecord[];
}

/** Every chat as a line of the list. What changes is marked, and marked lines are built again together. */
export class ChatList {
  readonly #account: Account;
  readonly #contextOf: (roomId: string) => MessageContext;
  readonly #chats = new Store<readonly ChatSummary[]>([]);
  readonly #byRoom = new Map<string, ChatSummary>();
  readonly #last = new Map<string, Last>();
  readonly #dirty = new Set<string>();
  readonly #drafts: () => ReadonlyMap<string, string>;
  /** The newest message of each room that the server does not have, or that has not come back with sync. */
  #waiting: ReadonlyMap<string, QueueItem> = new Map();
  #scheduled = false;
  #isBegun = false;
  /** Whether the server has told of all rooms. The SDK's cache is minutes old at times, so one that it does not know may well be ours. */
  #isComplete = false;
  /** Rooms whose archive is or was asked for their newest message, and those where that has been answered. */
  readonly #asked = new Set<string>();
  readonly #answered = new Set<string>();
  #asking: Promise<void> = Promise.resolve();
  #parents = new Map<string, string[]>();

  constructor(account: Account, parts: { contextOf: (roomId: string) => MessageContext; drafts: () => ReadonlyMap<string, string> }) {
    this.#account = account;
    this.#contextOf = parts.contextOf;
    this.#drafts = parts.drafts;
    account.queue.items.subscribe(() => this.#takeQueue());
  }

  get chats(): Readable<readonly ChatSummary[]> {
    return this.#chats;
  }

  summary(roomId: string): ChatSummary | undefined {
    return this.#byRoom.get(roomId);
  }

  /** Shows the list of the last time, before anything else is loaded. */
  async loadSnapshot(): Promise<void> {
    const saved = parseSavedChats(await this.#account.values.load(SAVED_CHATS), this.#account.now());
    if (saved.length === 0 || this.#byRoom.size > 0) return;
    for (const summary of saved) this.#byRoom.set(summary.roomId, summary);
    this.#publish();
  }

  /** The SDK has the rooms of its cache, or all of them. A page that was closed in haste had no time to save its list, so every room's archive is asked whether it knows more. */
  begin(): void {
    if (this.#isBegun) return;
    this.#isBegun = true;
    for (const roomId of this.#byRoom.keys()) this.#askArchive(roomId);
    this.touchAll();
  }

  /** The server has answered a sync: what the SDK does not know now is gone. */
  complete(): void {
    if (this.#isComplete) return;
    this.#isComplete = true;
    this.begin();
    this.touchAll();
  }

  /** The newest message that is shown of a room; given what has just come into its history. */
  take(roomId: string, entries: readonly HistoryEntry[]): void {
    const { isVisible } = this.#contextOf(roomId);
    const saved = this.#answered.has(roomId) ? undefined : this.#byRoom.get(roomId)?.last?.message.eventId;
    for (const entry of entries) {
      if (entry.kind !== "event") continue;
      const { record, order } = entry;
      const last = this.#last.get(roomId);
      if (relationOf(record)?.type === "edit" && relationOf(record)?.eventId === last?.record.eventId && last) {
        this.#last.set(roomId, { ...last, edits: [...last.edits, record] });
      }
      if (last && last.order > order) continue;
      if (isMessageType(record) && isVisible(record)) {
        this.#last.set(roomId, { record, order, edits: last?.order === order ? last.edits : [] });
      } else if (last ? last.order === order : saved === record.eventId) {
        // It has expired, or was deleted here.
        this.#last.delete(roomId);
        void this.#findLast(roomId).catch(() => undefined);
      }
    }
    // What came may be an old message that has changed.
    this.#askArchive(roomId);
    this.touch(roomId);
  }

  touch(roomId: string): void {
    this.#dirty.add(roomId);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setTimeout(() => this.#flush());
  }

  touchAll(): void {
    for (const room of this.#account.client.getRooms()) this.touch(room.roomId);
    for (const roomId of this.#byRoom.keys()) this.touch(roomId);
  }

  /** The communities' children may have changed. */
  refreshParents(): void {
    const parents = new Map<string, string[]>();
    for (const room of this.#account.client.getRooms()) {
      if (!room.isSpaceRoom() || room.getMyMembership() !== "join") continue;
      for (const event of room.currentState.getStateEvents("m.space.child")) {
        const child = event.getStateKey();
        if (child === undefined || !Array.isArray(event.getContent()["via"])) continue;
        parents.set(child, [...(parents.get(child) ?? []), room.roomId]);
      }
    }
    this.#parents = parents;
    this.touchAll();
  }

  /** What waits to be sent is a chat's newest message too. */
  #takeQueue(): void {
    const waiting = new Map<string, QueueItem>();
    for (const item of this.#account.queue.items.get()) if (item.redacts === undefined && !isRelationItem(item)) waiting.set(item.roomId, item);
    for (const roomId of new Set([...waiting.keys(), ...this.#waiting.keys()])) if (waiting.get(roomId) !== this.#waiting.get(roomId)) this.touch(roomId);
    this.#waiting = waiting;
  }

  /** Once a run, one room after the other. */
  #askArchive(roomId: string): void {
    if (this.#asked.has(roomId)) return;
    this.#asked.add(roomId);
    this.#asking = this.#asking.then(() => this.#catchUp(roomId)).catch(() => undefined);
  }

  async #catchUp(roomId: string): Promise<void> {
    const [newest] = await this.#account.archive.before(roomId, Infinity, 1);
    const last = this.#last.get(roomId);
    if (!newest || newest.order === last?.order) return;
    if (!last && newest.kind === "event" && newest.record.eventId === this.#byRoom.get(roomId)?.last?.message.eventId && newest.record.redactedBy === undefined && this.#contextOf(roomId).isVisible(newest.record)) return;
    await this.#findLast(roomId);
  }

  async #findLast(roomId: string): Promise<void> {
    const { isVisible } = this.#contextOf(roomId);
    const found: HistoryEntry[] = [];
    for (let pages = 0; pages < LOOK_BACK_PAGES_MAX; pages += 1) {
      const entries = await this.#account.archive.before(roomId, found[0]?.order ?? Infinity, LOOK_BACK_PAGE);
      found.unshift(...entries);
      if (entries.length < LOOK_BACK_PAGE || entries.some((entry) => entry.kind === "event" && isMessageType(entry.record) && isVisible(entry.record))) break;
    }
    this.#answered.add(roomId);
    this.take(roomId, found);
  }

  #flush(): void {
    this.#scheduled = false;
    const direct = facts.directPeers(this.#account.client);
    let changed = false;
    for (const roomId of this.#dirty) changed = this.#rebuild(roomId, direct) || changed;
    this.#dirty.clear();
    if (!changed) return;
    this.#publish();
    this.#account.values.save(SAVED_CHATS, this.#chats.get());
  }

  #rebuild(roomId: string, direct: ReadonlyMap<string, string>): boolean {
    const room = this.#account.client.getRoom(roomId);
    if (!room && !this.#isComplete) return false;
    if (!room || !MEMBERSHIPS.has(room.getMyMembership()) || room.isCallRoom?.() === true || isReplaced(this.#account, room)) return this.#byRoom.delete(roomId);
    try {
      this.#byRoom.set(roomId, this.#build(room, direct));
    } catch {
      // A room that cannot be summed up keeps its last line; the others go on.
      return false;
    }
    return true;
  }

  #build(room: Room, direct: ReadonlyMap<string, string>): ChatSummary {
    const { client, trust, userId } = this.#account;
    const { roomId } = room;
    const membership = room.getMyMembership() as ChatSummary["membership"];
    const peerId = facts.peerOf(room, direct);
    // Nothing of somebody who asks to talk is fetched before they are accepted.
    const shown = (person: Person) => (membership === "invite" ? withoutPicture(person) : person);
    const peer = peerId === undefined ? undefined : shown(facts.buildPerson(client, trust, peerId, room));
    const inviterId = membership === "invite" ? room.getMember(userId)?.events.member?.getSender() : undefined;
    const avatar = membership === "invite" ? undefined : (facts.mediaOf(room.getMxcAvatarUrl()) ?? peer?.avatar);
    const last = this.#lastOf(room, membership);
    const mutedUntil = facts.mutedUntilOf(client, room, this.#account.now());
    const draft = this.#drafts().get(roomId);
    return {
      roomId,
      kind: facts.kindOf(room, peerId, userId),
      membership,
      name: peer && !room.currentState.getStateEvents("m.room.name", "") ? peer.name : room.name,
      ...(avatar ? { avatar } : {}),
      ...(peer ? { peer } : {}),
      encrypted: room.hasEncryptionStateEvent(),
      membersCount: room.getJoinedMemberCount(),
      ...(last ? { last } : {}),
      unread: room.getUnreadNotificationCount(NotificationCountType.Total),
      mentions: room.getUnreadNotificationCount(NotificationCountType.Highlight),
      markedUnread: facts.isMarkedUnread(room),
      ...(draft ? { draft } : {}),
      typing: room.currentState.getMembers().filter((member) => member.typing && member.userId !== userId).map((member) => memberName(member) ?? localpart(member.userId)),
      pinned: room.tags["m.favourite"] !== undefined,
      archived: room.tags[facts.ARCHIVE_TAG] !== undefined,
      ...(mutedUntil === undefined ? {} : { mutedUntil }),
      folders: facts.foldersOf(room),
      parents: this.#parents.get(roomId) ?? [],
      ...(inviterId ? { inviter: shown(facts.buildPerson(client, trust, inviterId, room)) } : {}),
      disappearAfterS: facts.disappearAfterOf(room),
      maySend: membership === "join" && room.maySendMessage(),
    };
  }

  #lastOf(room: Room, membership: string): ChatSummary["last"] {
    const last = this.#last.get(room.roomId);
    const waiting = this.#waiting.get(room.roomId);
    if (waiting && last?.record.transactionId !== waiting.id && last?.record.eventId !== waiting.eventId) {
      const { userId } = this.#account;
      const context = this.#contextOf(room.roomId);
      const record = recordOfItem(waiting, userId, context.nameOf(userId, userId), room.hasEncryptionStateEvent());
      const message = buildOutgoing(waiting, record, [], context);
      return { message, sentAt: message.sentAt };
    }
    if (!last) {
      if (membership !== "join" || this.#answered.has(room.roomId)) return undefined;
      // Of the last time, until its history has been looked at.
      return this.#byRoom.get(room.roomId)?.last;
    }
    const message = buildMessage(last.record, last.order, last.edits, this.#contextOf(room.roomId));
    return { message, sentAt: message.sentAt };
  }

  #publish(): void {
    this.#chats.set([...this.#byRoom.values()].sort(compareChats));
  }
}

/** A room that was upgraded and whose successor we are in stands in the list no longer. */
function isReplaced(account: Account, room: Room): boolean {
  const successor = room.currentState.getStateEvents("m.room.tombstone", "")?.getContent()["replacement_room"];
  return typeof successor === "string" && account.client.getRoom(successor)?.getMyMembership() === "join";
}

function withoutPicture({ avatar: _avatar, ...person }: Person): Person {
  return person;
}
