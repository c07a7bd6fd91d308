import { ClientEvent, type MatrixClient, type MatrixEvent, type Room, RoomEvent, RoomStateEvent } from "matrix-js-sdk";
import { cleanText } from "@/domain/bidi";
import type { HistoryEntry } from "@/domain/event_record";
import { openLinks } from "@/domain/rich_links";
import type { Message } from "@/domain/message";
import { buildMessage, isMessageType, type MessageContext } from "@/domain/message_builder";
import type { GalleryKind, GalleryPage, RoomCare, RoomDetails } from "@/domain/room_details";
import { parseAccess, parsePowers, withPermission, type RoomPowers } from "@/domain/room_powers";
import { Store } from "@/domain/store";
import { readInteger, readList, readRecord, type JsonRecord } from "@/domain/untrusted";
import type { Account } from "./account";
import { ask } from "./failures";
import type { MessageFlags } from "./message_flags";
import { topicOf } from "./room_facts";

const ROOMS_KEPT_MAX = 50;
const GALLERY_PAGE = 60;
const GALLERY_READ = 200;
const GALLERY_READS_MAX = 25;
const TOPIC_LENGTH_MAX = 2_000;
const ADDITIONAL_CREATORS_MAX = 100;
/** Room versions before this one give their creators a number like everybody else. */
const CREATORS_RULE_FROM = 12;

/** Everything one may want to know of, and do to, a room; by room. */
export class RoomCares {
  readonly #account: Account;
  readonly #flags: MessageFlags;
  readonly #contextOf: (roomId: string) => MessageContext;
  readonly #details = new Map<string, Store<RoomDetails>>();

  constructor(account: Account, flags: MessageFlags, contextOf: (roomId: string) => MessageContext) {
    this.#account = account;
    this.#flags = flags;
    this.#contextOf = contextOf;
    const refresh = (roomId: string | undefined) => void (roomId !== undefined && this.#refresh(roomId));
    account.client.on(RoomStateEvent.Events, (event: MatrixEvent) => void (event.getType() !== "m.room.member" && refresh(event.getRoomId())));
    // The state of a room that is new comes before the room itself.
    account.client.on(ClientEvent.Room, (room: Room) => refresh(room.roomId));
    account.client.on(RoomEvent.AccountData, (_event: MatrixEvent, room: Room) => refresh(room.roomId));
  }

  of(roomId: string): RoomCare {
    const { client } = this.#account;
    const state = async (type: string, content: object) => void (await ask(client.sendStateEvent(roomId, type as never, content as never)));
    return {
      details: this.#detailsOf(roomId),
      setAccess: (access) => state("m.room.join_rules", { join_rule: access }),
      setPermission: (permission, circle) => {
        const content = stateOf(client, roomId, "m.room.power_levels");
        return state("m.room.power_levels", withPermission(content, permission, circle));
      },
      loadGallery: (kind, before) => this.#loadGallery(roomId, kind, before),
      admit: async (userId) => void (await ask(client.invite(roomId, userId))),
    };
  }

  #detailsOf(roomId: string): Store<RoomDetails> {
    let store = this.#details.get(roomId);
    if (!store) {
      store = new Store(this.#build(roomId));
      this.#details.set(roomId, store);
      const oldest = this.#details.keys().next().value;
      if (this.#details.size > ROOMS_KEPT_MAX && oldest !== undefined) this.#details.delete(oldest);
    }
    return store;
  }

  #refresh(roomId: string): void {
    this.#details.get(roomId)?.set(this.#build(roomId));
  }

  #build(roomId: string): RoomDetails {
    const { client } = this.#account;
    const encryption = stateOf(client, roomId, "m.room.encryption");
    const alias = client.getRoom(roomId)?.getCanonicalAlias() ?? undefined;
    const renewal = readInteger(encryption, "rotation_period_ms", 0, Number.MAX_SAFE_INTEGER);
    const room = client.getRoom(roomId);
    const pins = readList(stateOf(client, roomId, "m.room.pinned_events"), "pinned", 100);
    return {
      topic: room ? cleanText(topicOf(room), TOPIC_LENGTH_MAX) : "",
      ...(alias === undefined ? {} : { alias }),
      access: parseAccess(stateOf(client, roomId, "m.room.join_rules")),
      powers: powersOf(client, roomId),
      pinned: pins.filter((id): id is string => typeof id === "string"),
      starred: [...this.#flags.starred(roomId)],
      encrypted: encryption !== undefined,
      ...(renewal === undefined ? {} : { keyRenewalMs: renewal }),
      version: room?.getVersion() ?? "",
    };
  }

  async #loadGallery(roomId: string, kind: GalleryKind, before = Infinity): Promise<GalleryPage> {
    const { archive } = this.#account;
    const context = this.#contextOf(roomId);
    const messages: Message[] = [];
    let place = before;
    for (let reads = 0; reads < GALLERY_READS_MAX; reads += 1) {
      const entries = await archive.before(roomId, place, GALLERY_READ);
      for (const entry of [...entries].reverse()) {
        place = entry.order;
        const message = messageOf(entry, context);
        if (message && isOfKind(message, kind)) messages.push(message);
        if (messages.length >= GALLERY_PAGE) return { messages, next: place };
      }
      if (entries.length < GALLERY_READ) return { messages };
    }
    return { messages, next: place };
  }
}

function messageOf(entry: HistoryEntry, context: MessageContext): Message | undefined {
  if (entry.kind !== "event" || !isMessageType(entry.record) || entry.record.redactedBy !== undefined || !context.isVisible(entry.record)) return undefined;
  return buildMessage(entry.record, entry.order, [], context);
}

function isOfKind({ body, viewOnce }: Message, kind: GalleryKind): boolean {
  if (viewOnce) return false;
  switch (kind) {
    case "media":
      return body.kind === "image" || body.kind === "video";
    case "files":
      return body.kind === "file" || body.kind === "audio";
    case "links":
      return body.kind === "text" && openLinks(body.rich).next().done !== true;
  }
}

function stateOf(client: MatrixClient, roomId: string, type: string): JsonRecord | undefined {
  return readRecord(client.getRoom(roomId)?.currentState.getStateEvents(type, "")?.getContent());
}

function powersOf(client: MatrixClient, roomId: string): RoomPowers {
  const create = client.getRoom(roomId)?.currentState.getStateEvents("m.room.create", "");
  const creator = create?.getSender();
  const isAboveNumbers = Number.parseInt(client.getRoom(roomId)?.getVersion() ?? "1", 10) >= CREATORS_RULE_FROM;
  const additional = readList(readRecord(create?.getContent()), "additional_creators", ADDITIONAL_CREATORS_MAX).filter((each): each is string => typeof each === "string");
  return parsePowers({
    content: stateOf(client, roomId, "m.room.power_levels"),
    creators: isAboveNumbers && creator !== undefined ? [creator, ...additional] : [],
    soleCreator: creator,
    ownUserId: client.getSafeUserId(),
  });
}
