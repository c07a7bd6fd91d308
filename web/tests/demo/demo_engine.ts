import type { ChatSummary, Connection, Engine, Member, NewGroup, Person } from "@/domain/engine";
import { addHeard, type Heard } from "@/domain/heard";
import { ForwardGuard } from "@/domain/forward_guard/forward_guard";
import type { Message } from "@/domain/message";
import type { RoomCare, RoomDetails } from "@/domain/room_details";
import { parsePowers } from "@/domain/room_powers";
import type { People, PersonView } from "@/domain/people";
import { Store } from "@/domain/store";
import { SAMPLES, text } from "./demo_bodies";
import { DemoChat } from "./demo_chat";
import { DemoStickers } from "./demo_stickers";
import { GROUPS, PEOPLE, SENTENCES } from "./demo_texts";
import { pick, seeded } from "./random";

export interface DemoOptions {
  readonly chats: number;
  /** Messages of the long chat, and how many of them are in memory at first. */
  readonly messages: number;
  readonly loaded: number;
  readonly members: number;
  readonly now: number;
  /** Stickers of one's own beyond a few; none at all if not told. */
  readonly stickers?: number;
}

export const SHOWCASE = "!showcase:demo";
export const LONG = "!long:demo";

function person(at: number): Person {
  return { userId: `@p${at}:demo`, name: at < PEOPLE.length ? PEOPLE[at]! : `${PEOPLE[at % PEOPLE.length]} ${at}`, trust: at % 3 === 0 ? "verified" : at % 3 === 1 ? "known" : "unknown" };
}

export function member(at: number): Member {
  return { ...person(at), membership: "join", powerLevel: at === 0 ? 100 : 0, presence: { online: at % 4 === 0 } };
}

function message(roomId: string, at: number, sentAt: number, from: number, own: boolean, more: Partial<Message> & Pick<Message, "body">): Message {
  const sender = own ? "@me:demo" : person(from).userId;
  return {
    id: `$${roomId}-${at}`, eventId: `$${roomId}-${at}`, roomId, sender, senderName: own ? "Me" : person(from).name, isOwn: own, sentAt, heldSince: sentAt, edited: false, reactions: [],
    status: "read", deliveredTo: [], readBy: [], hop: 0, viewOnce: false, pinned: false, starred: false, encrypted: true, shield: "ok", ...more,
  };
}

function conversation(roomId: string, count: number, people: number, now: number, seed: number): Message[] {
  const random = seeded(seed);
  const made: Message[] = [];
  let at = now - count * 240_000;
  let from = 0;
  for (let each = 0; each < count; each += 1) {
    if (random() < 0.5) from = Math.floor(random() * (people + 1));
    at += random() * 480_000 * (random() < 0.1 ? 2 : 0.9);
    made.push(message(roomId, each, Math.min(at, now), from, from === people, { body: text(pick(random, SENTENCES)) }));
  }
  return made;
}

function showcase(now: number): Message[] {
  let previous: string | undefined;
  return SAMPLES.map((sample, at) => {
    const own = sample.with?.isOwn ?? at % 4 === 3;
    const more = { ...sample.with };
    if (more.replyTo && previous) Object.assign(more, { replyTo: previous });
    if (more.expiresAt) Object.assign(more, { expiresAt: now + 3_600_000 * 5 });
    const made = message(SHOWCASE, at, now - (SAMPLES.length - at) * 90_000, at % 4 < 2 ? 0 : 1, own, { body: sample.body, ...more });
    previous = made.eventId;
    return made;
  });
}

function summary(roomId: string, last: Message | undefined, more: Partial<ChatSummary>): ChatSummary {
  return {
    roomId, kind: "group", membership: "join", name: "", encrypted: true, membersCount: 2, unread: 0, mentions: 0, markedUnread: false, typing: [], pinned: false, archived: false, folders: [], parents: [],
    disappearAfterS: 0, maySend: true, ...(last ? { last: { message: last, sentAt: last.sentAt } } : {}), ...more,
  } satisfies ChatSummary;
}

function ordinary(at: number, now: number): readonly [ChatSummary, readonly Message[]] {
  const roomId = `!c${at}:demo`;
  const group = at % 3 === 0;
  const peer = person(at);
  const messages = conversation(roomId, 40, group ? 6 : 1, now - at * at * 60_000, at + 7);
  const name = group ? `${GROUPS[at % GROUPS.length]}${at >= GROUPS.length * 3 ? ` ${at}` : ""}` : peer.name;
  return [summary(roomId, messages[messages.length - 1], {
    name,
    kind: at % 17 === 5 ? "channel" : at === 12 ? "community" : group ? "group" : "direct",
    membersCount: group ? 8 : 2,
    ...(group ? {} : { peer }),
    unread: at % 5 === 1 ? at % 140 : 0,
    mentions: at % 15 === 6 ? 2 : 0,
    markedUnread: at === 9,
    pinned: at < 2,
    archived: at % 23 === 11,
    folders: at % 6 === 0 ? ["Work"] : [],
    typing: at === 3 ? [PEOPLE[3]] : [],
    maySend: at % 17 !== 5,
    disappearAfterS: at === 4 ? 604_800 : 0,
    ...(at === 7 ? { mutedUntil: now + 86_400_000 } : {}),
    ...(at === 5 ? { draft: "I was about to say" } : {}),
  }), messages];
}

/** What the views of this demo use of an engine; keys and verification have tests of their own. */
export class DemoEngine implements Omit<Engine, "keys" | "verifications" | "verify" | "devices" | "settings" | "own" | "blocked" | "setBlocked" | "acceptIdentity" | "search" | "searchFurther" | "previewLink" | "lists" | "invites" | "communities"> {
  readonly userId = "@me:demo";
  readonly deviceId = "DEMO";
  readonly profile = new Store<Person>({ userId: "@me:demo", name: "Me", trust: "verified" });
  readonly connection: Store<Connection>;
  readonly chats: Store<readonly ChatSummary[]>;
  readonly guard = new ForwardGuard(Date.now);
  readonly heard = new Store<Heard>({ since: 0, eventIds: new Set() });
  readonly stickers: DemoStickers;
  readonly #chats = new Map<string, DemoChat>();
  readonly #details = new Map<string, Store<RoomDetails>>();
  readonly #persons = new Map<string, Store<PersonView>>();
  readonly people: People = {
    person: (userId) => this.#person(userId),
    loadProfile: async () => undefined,
    loadDevices: async () => [],
    loadSharedRooms: async () => [],
    report: async () => undefined,
    directChat: (userId) => this.chats.get().find((chat) => chat.peer?.userId === userId)?.roomId,
  };

  constructor(options: DemoOptions) {
    const { now } = options;
    this.stickers = new DemoStickers(options.stickers !== undefined, options.stickers);
    this.connection = new Store<Connection>({ state: "online", since: now });
    const few = Array.from({ length: 8 }, (_, at) => member(at));
    const all = showcase(now);
    this.#add(new DemoChat(summary(SHOWCASE, all[1], { name: "Pigeon fanciers – هواة الحمام", kind: "group", membersCount: 8, pinned: true, unread: 3, mentions: 1 }), all, few, 200, all[13]!.id));
    const long = conversation(LONG, options.messages, 12, now - 3_600_000, 1);
    const many = Array.from({ length: options.members }, (_, at) => member(at));
    this.#add(new DemoChat(summary(LONG, long[long.length - 1], { name: "City forum – منتدى المدينة", kind: "group", membersCount: options.members }), long, many, options.loaded));
    for (let at = 0; at < options.chats; at += 1) {
      const [made, messages] = ordinary(at, now);
      this.#add(new DemoChat(made, messages, few.slice(0, made.membersCount), 60));
    }
    const stranger = person(19);
    this.#add(new DemoChat(summary("!invite:demo", undefined, { name: stranger.name, kind: "direct", membership: "invite", inviter: stranger, peer: stranger }), [], [], 0));
    this.chats = new Store<readonly ChatSummary[]>([...this.#chats.values()].map((chat) => chat.summary.get()));
  }

  #add(chat: DemoChat): void {
    this.#chats.set(chat.roomId, chat);
    chat.summary.subscribe(() => this.chats.update((list) => list.map((old) => (old.roomId === chat.roomId ? chat.summary.get() : old))));
  }

  #person(userId: string): Store<PersonView> {
    const known = this.#persons.get(userId) ?? new Store<PersonView>({ ...person(Number(/\d+/.exec(userId)?.[0] ?? 0)), userId, blocked: false });
    this.#persons.set(userId, known);
    return known;
  }

  openChat(roomId: string): DemoChat {
    const chat = this.#chats.get(roomId);
    if (!chat) throw new Error(`no chat ${roomId}`);
    return chat;
  }

  markHeard(eventId: string): void { this.heard.update((heard) => addHeard(heard, eventId)); }
  async startDirectChat(): Promise<string> { return "!c1:demo"; }
  async createGroup(_group: NewGroup): Promise<string> { return "!c0:demo"; }
  async join(): Promise<"joined"> { return "joined"; }
  async findPeople(words: string): Promise<readonly Person[]> {
    return Array.from({ length: 40 }, (_, at) => person(at)).filter((each) => each.name.toLowerCase().includes(words.toLowerCase()) || each.userId.includes(words)).slice(0, 10);
  }
  async loadStarred(): Promise<readonly Message[]> {
    return [...this.#chats.values()].flatMap(({ timeline }) => timeline.get().items.flatMap((item) => (item.type === "message" && item.message.starred ? [item.message] : [])));
  }

  care(roomId: string): RoomCare {
    const pinned = roomId === SHOWCASE ? this.openChat(roomId).timeline.get().items.flatMap((item) => (item.type === "message" && item.message.pinned && item.message.eventId ? [item.message.eventId] : [])) : [];
    const details = this.#details.get(roomId) ?? new Store<RoomDetails>({ topic: "", access: "invite", powers: parsePowers({ content: undefined, creators: [], soleCreator: "@me:demo", ownUserId: "@me:demo" }), pinned, starred: [], encrypted: true, version: "12" });
    this.#details.set(roomId, details);
    return { details, setAccess: async () => undefined, setPermission: async () => undefined, loadGallery: async () => ({ messages: [] }), admit: async () => undefined };
  }
  async stop(): Promise<void> { return undefined; }
}
