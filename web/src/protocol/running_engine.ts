import type { MatrixClient } from "matrix-js-sdk";
import type { Session } from "@/domain/arrival";
import type { Chat, Engine } from "@/domain/engine";
import type { MessageContext } from "@/domain/message_builder";
import { parseEnvelope } from "@/domain/message_envelope";
import { untilHolds } from "@/domain/store";
import type { EngineDatabase, Vault } from "@/platform/engine_database";
import { IdleWork } from "@/platform/idle_work";
import { type Account, Histories } from "./account";
import { buildAccountSettings } from "./account_settings";
import { Archive } from "./archive";
import { OpenChat } from "./chat";
import { ChatList } from "./chat_list";
import { watchClient } from "./client_events";
import { buildCommunities } from "./communities";
import { ConnectionWatch } from "./connection";
import { buildDevices } from "./devices";
import { DisappearTimers } from "./disappear_timers";
import { Drafts } from "./drafts";
import { Expiry } from "./expiry";
import { buildFileSender, buildUpload } from "./file_sender";
import { ForwardMemory } from "./forward_memory";
import { HeardMessages } from "./heard_messages";
import { buildInvites } from "./invite_links";
import { fetchKeyBundles } from "./key_bundles";
import { Keys } from "./keys";
import { LateKeys } from "./late_keys";
import { buildLinkPreviews } from "./link_previews";
import { loadStarred } from "./load_message";
import { MessageFlags } from "./message_flags";
import { buildMuteClock, type MuteClock } from "./mutes";
import { OwnProfile } from "./own_profile";
import { buildPeople } from "./people";
import { buildDistributionLists } from "./people_lists";
import { PersonViews } from "./person_views";
import { ReceiptMarks } from "./receipts";
import { RoomCares } from "./room_care";
import { buildContext } from "./room_context";
import { directPeers } from "./room_facts";
import { buildRooms } from "./rooms";
import { SavedValues } from "./saved_values";
import { Schedule } from "./schedule";
import { HistorySearch } from "./search";
import { buildOwnAccount } from "./settings";
import { awaitBackupCheck, buildClient, eraseKeysAndSync, loadClient, SyncGate } from "./sdk_client";
import { SecretStorageKey } from "./secret_storage_key";
import { SendRunner } from "./send_runner";
import type { EngineServices } from "./start_engine";
import { Threads } from "./threads";
import { RoomTicks } from "./ticks";
import { StickerPacks } from "./stickers";
import type { SessionTokens } from "./session_tokens";
import { TrustLevels } from "./trust";
import { Verifications } from "./verification";
import { forgetViewed } from "./viewed_once";

const POLL_MS = 30_000;
const INITIAL_EVENTS = 20;
const CHATS_OPEN_MAX = 20;
const OPENING_MS = 50;
/** How long a new chat waits for the sync that brings it. */
const LISTED_MS_MAX = 15_000;
const OPENING_MS_MAX = 1_000;

/** All parts of an account at work, and how they hear of each other. */
export class RunningEngine {
  readonly engine: Engine;
  readonly account: Account;
  readonly list: ChatList;
  readonly flags: MessageFlags;
  readonly expiry: Expiry;
  readonly profile: OwnProfile;
  readonly keys: Keys;
  readonly lateKeys: LateKeys;
  readonly verifications: Verifications;
  readonly drafts: Drafts;
  readonly search: HistorySearch;
  readonly forwards: ForwardMemory;
  readonly heard: HeardMessages;
  readonly stickers: StickerPacks;
  readonly threads: Threads;
  readonly mutes: MuteClock;
  readonly schedule: Schedule;
  readonly #idle = new IdleWork();
  readonly gate = new SyncGate((roomId, type, content) => {
    if (type === "org.zajil.delivered") this.account.receipts.acceptDelivered(roomId, content);
  });
  readonly #services: EngineServices;
  readonly #connection: ConnectionWatch;
  readonly #ticks = new Map<string, RoomTicks>();
  readonly #contexts = new Map<string, MessageContext>();
  readonly #chats = new Map<string, OpenChat>();
  readonly #ends: (() => void)[] = [];
  #running: Promise<void> = Promise.resolve();
  #stopped = false;
  #stopping: Promise<void> | undefined;

  constructor(tokens: SessionTokens, services: EngineServices, database: EngineDatabase, vault: Vault) {
    this.#services = services;
    const { session } = tokens;
    const secret = new SecretStorageKey();
    const client = buildClient(tokens, secret.callbacks, this.gate);
    this.account = this.#buildAccount(client, tokens, database, vault);
    this.flags = new MessageFlags(client);
    this.drafts = new Drafts(this.account.values, (roomId) => this.list.touch(roomId));
    this.list = new ChatList(this.account, { contextOf: (roomId) => this.contextOf(roomId), drafts: () => this.drafts.all });
    this.expiry = new Expiry(this.account, (roomId) => this.#chats.get(roomId)?.touchAll());
    this.heard = new HeardMessages(this.account.values, services.now);
    this.forwards = new ForwardMemory({ userId: session.userId, database, vault, idle: this.#idle, now: services.now, isGroup: (roomId) => !directPeers(client).has(roomId), raised: (roomId, eventId) => this.#chats.get(roomId)?.timeline.touch([eventId]) });
    this.stickers = new StickerPacks(this.account, buildUpload(client, tokens));
    this.threads = new Threads(this.account, (roomId, rootId) => this.#chats.get(roomId)?.touchThread(rootId));
    this.mutes = buildMuteClock(this.account);
    this.schedule = new Schedule(this.account);
    this.search = new HistorySearch(this.account, (roomId) => this.contextOf(roomId), this.#idle);
    this.profile = new OwnProfile(client, this.account.values);
    this.keys = new Keys(client, secret, session);
    this.lateKeys = new LateKeys(client);
    this.verifications = new Verifications(client, this.account.values, () => void this.keys.awaitSecrets().catch(() => undefined));
    this.#connection = new ConnectionWatch({
      client,
      now: services.now,
      random: services.random,
      online: () => this.#goOnline(),
      busy: () => this.account.queue.resume(),
      offline: () => this.account.queue.suspend(),
    });
    this.engine = this.#buildEngine(session);
  }

  /** What is shown before anything is loaded from the SDK. */
  async prepare(): Promise<void> {
    const { queue, receipts } = this.account;
    await Promise.all([this.drafts.load(), receipts.load(), queue.load(), this.expiry.load(), this.profile.load(), this.verifications.load(), this.threads.load(), this.schedule.load()]);
    await queue.settleKnown(async (roomId, eventId) => (await this.account.archive.find(roomId, eventId)) !== undefined);
    await this.list.loadSnapshot();
  }

  run(): void {
    this.#running = this.#run().catch((error: unknown) => {
      console.error("the engine could not start", error);
      this.#connection.fail();
    });
  }

  ticksOf(roomId: string): RoomTicks {
    let ticks = this.#ticks.get(roomId);
    if (!ticks) {
      const { histories, receipts, userId } = this.account;
      ticks = new RoomTicks(histories.of(roomId), receipts, userId);
      this.#ticks.set(roomId, ticks);
      ticks.listen(() => this.list.touch(roomId));
      void ticks.refresh();
    }
    return ticks;
  }

  contextOf(roomId: string): MessageContext {
    let context = this.#contexts.get(roomId);
    if (!context) {
      context = buildContext(this.account, this.flags, roomId, this.ticksOf(roomId), this.threads, this.forwards.guard);
      this.#contexts.set(roomId, context);
    }
    return context;
  }

  openedChat(roomId: string): OpenChat | undefined {
    return this.#chats.get(roomId);
  }

  get openedChats(): Iterable<OpenChat> {
    return this.#chats.values();
  }

  #buildAccount(client: MatrixClient, tokens: SessionTokens, database: EngineDatabase, vault: Vault): Account {
    const { now, random } = this.#services;
    const { userId } = tokens.session;
    const archive = new Archive(database, vault);
    const values = new SavedValues(database, vault);
    const histories = new Histories(client, archive, (history) => {
      history.listen({
        put: (entries) => {
          this.list.take(history.roomId, entries);
          this.search.take(entries);
          this.threads.take(history.roomId, entries);
          this.forwards.take(entries);
          void forgetViewed(this.account, history.roomId, entries).catch(() => undefined);
          for (const entry of entries) if (entry.kind === "event") this.expiry.watch(entry.record, parseEnvelope(entry.record.content).disappearAfterS);
        },
        removed: () => undefined,
        forgotten: () => this.search.forgetRoom(history.roomId),
      });
    });
    const knownPeers = () => new Set(directPeers(client).values());
    const trust = new TrustLevels(client, (person) => knownPeers().has(person));
    const queue = new SendRunner({ client, database, vault, files: buildFileSender(client, tokens), random, now });
    return { client, userId, database, vault, archive, histories, queue, receipts: new ReceiptMarks(client, values), trust, values, disappearTimers: new DisappearTimers(client), now };
  }

  #buildEngine(session: Session): Engine {
    const { account } = this;
    const people = buildPeople(account);
    const rooms = this.#buildRooms();
    const openChat = (roomId: string) => this.#openChat(roomId);
    const invites = buildInvites(account, rooms.join);
    const cares = new RoomCares(account, this.flags, (roomId) => this.contextOf(roomId));
    const devices = buildDevices(account.client);
    const own = buildOwnAccount({ account, devices, search: this.search, chats: () => this.list.chats.get(), blocked: people.blocked.get, contextOf: (roomId) => this.contextOf(roomId) });
    return {
      userId: session.userId,
      deviceId: session.deviceId,
      profile: this.profile.readable,
      connection: this.#connection.readable,
      chats: this.list.chats,
      openChat,
      ...rooms,
      keys: this.keys,
      verifications: this.verifications.readable,
      devices,
      settings: buildAccountSettings(account.client, this.profile),
      own,
      ...people,
      people: new PersonViews(account, people.blocked),
      lists: buildDistributionLists(account, { startDirectChat: rooms.startDirectChat, openChat }),
      invites,
      communities: buildCommunities(account, rooms.createGroup, invites.via),
      care: (roomId) => cares.of(roomId),
      loadStarred: () => loadStarred(account, this.flags, (roomId) => this.contextOf(roomId)),
      search: (words, filters) => this.search.search(words, filters),
      searchFurther: (roomId, found) => this.search.loadFurther(roomId, found),
      guard: this.forwards.guard,
      stickers: this.stickers,
      heard: this.heard.readable,
      markHeard: (eventId) => this.heard.mark(eventId),
      previewLink: buildLinkPreviews(account.client),
      verify: (target) => this.verifications.request(target),
      stop: () => (this.#stopping ??= this.#stop()),
    };
  }

  /** A chat that was just made is in the list, and may be written in, before it is given to anybody. */
  #buildRooms(): ReturnType<typeof buildRooms> {
    const rooms = buildRooms(this.account);
    const listed = async (making: Promise<string>): Promise<string> => {
      const roomId = await making;
      await untilHolds(this.list.chats, (chats) => chats.some((chat) => chat.roomId === roomId && chat.membership === "join"), LISTED_MS_MAX);
      return roomId;
    };
    return { ...rooms, startDirectChat: (userId) => listed(rooms.startDirectChat(userId)), createGroup: (group) => listed(rooms.createGroup(group)) };
  }

  async #run(): Promise<void> {
    const { client } = this.account;
    void this.forwards.load().then(() => this.#labelForwards());
    void this.heard.load();
    void this.stickers.load();
    await this.#forgetOtherDevice(client);
    await this.#letChatsOpen();
    await loadClient(client);
    if (this.#stopped) return;
    this.#ends.push(watchClient(this), this.#services.onNetwork(this.#connection.retry));
    await client.startClient({
      initialSyncLimit: INITIAL_EVENTS,
      lazyLoadMembers: true,
      threadSupport: false,
      pollTimeout: POLL_MS,
      includeArchivedRooms: false,
    });
    this.keys.start();
    this.verifications.start();
  }

  /** Chats that were opened before it was remembered how far their messages have come. */
  #labelForwards(): void {
    for (const open of this.#chats.values()) open.touchAll();
  }

  /** Reading the last sync keeps the page busy; the chat that somebody is about to see comes first. */
  async #letChatsOpen(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, OPENING_MS));
    const all = Promise.all([...this.#chats.values()].map((open) => open.shown));
    await Promise.race([all, new Promise((resolve) => setTimeout(resolve, OPENING_MS_MAX))]);
  }

  /** Keys of a device that was logged out are of no use to the next one, and would keep it from starting. */
  async #forgetOtherDevice(client: MatrixClient): Promise<void> {
    const { values, userId } = this.account;
    const before = await values.load("device");
    const deviceId = client.getDeviceId();
    if (before === deviceId) return;
    if (before !== undefined) await eraseKeysAndSync(userId);
    values.save("device", deviceId);
    await values.flush();
  }

  #goOnline(): void {
    this.account.queue.resume();
    this.schedule.start();
    this.mutes.check();
    void this.threads.tell();
    this.profile.refresh();
    void fetchKeyBundles(this.account.client).catch(() => undefined);
    for (const open of this.#chats.values()) open.goOnline();
  }

  #openChat(roomId: string): Chat {
    const known = this.#chats.get(roomId);
    // The one used last is the last of the map.
    if (known) this.#chats.delete(roomId);
    const open = known ?? new OpenChat({ account: this.account, list: this.list, ticks: this.ticksOf(roomId), context: this.contextOf(roomId), flags: this.flags, threads: this.threads, schedule: this.schedule, setDraft: (text) => this.drafts.set(roomId, text) }, roomId);
    this.#chats.set(roomId, open);
    if (this.#chats.size > CHATS_OPEN_MAX) this.#closeOldest();
    return open.chat;
  }

  #closeOldest(): void {
    const oldest = this.#chats.entries().next().value;
    if (!oldest) return;
    oldest[1].close();
    this.#chats.delete(oldest[0]);
  }

  async #stop(): Promise<void> {
    this.#stopped = true;
    const { client, queue, archive, values, database } = this.account;
    await this.schedule.stop();
    queue.suspend();
    this.#connection.stop();
    for (const open of this.#chats.values()) open.close();
    this.expiry.stop();
    this.mutes.stop();
    this.keys.stop();
    this.lateKeys.stop();
    await this.#running;
    await this.gate.close();
    await awaitBackupCheck(client);
    client.stopClient();
    client.http.abort();
    await queue.stop();
    await this.gate.archived();
    for (const end of this.#ends) end();
    await client.store.save(true).catch(() => undefined);
    await this.#idle.done();
    await this.search.close();
    await this.forwards.flush();
    await archive.close();
    await values.flush();
    await client.store.destroy();
    database.close();
  }
}
