import { ClientEvent, type MatrixClient, type MatrixEvent, Method, type Room, RoomEvent, RoomStateEvent } from "matrix-js-sdk";
import { Problem } from "@/domain/problem";
import {
  noteSticker, OWN_PACK_TYPE, PACK_IMAGES_OWN_MAX, PACK_ROOMS_TYPE, type PackPlace, PACKS_MAX, packId, parsePackName, parsePackRooms, parseStickers, readRecentStickers, ROOM_PACK_TYPE,
  type StickerPack, type Stickers, withoutSticker, withPackRoom, withRenamed, withSticker,
} from "@/domain/stickers";
import { Store } from "@/domain/store";
import { readChild, readRecord } from "@/domain/untrusted";
import type { Account } from "./account";
import { ask, failureOf, problemOf } from "./failures";

const RECENT = "recent_stickers";
const CHATS_KEPT_MAX = 50;

/** Sticker packs of the account and of its rooms. */
export class StickerPacks implements Stickers {
  readonly #account: Account;
  readonly #upload: (file: Blob) => Promise<string>;
  readonly #offers = new Map<string, Store<readonly StickerPack[]>>();
  readonly #recent = new Store<readonly string[]>([]);
  /** Changes go one after the other: each builds on what the one before has left at the server. */
  #changing: Promise<unknown> = Promise.resolve();

  /** `upload` gives the file's address at the server, or fails with a Problem. */
  constructor(account: Account, upload: (file: Blob) => Promise<string>) {
    this.#account = account;
    this.#upload = upload;
    const { client } = account;
    client.on(ClientEvent.AccountData, (event: MatrixEvent) => void ([OWN_PACK_TYPE, PACK_ROOMS_TYPE].includes(event.getType()) && this.#refresh()));
    client.on(RoomStateEvent.Events, (event: MatrixEvent) => void ([ROOM_PACK_TYPE, "m.room.power_levels"].includes(event.getType()) && this.#refresh()));
    client.on(ClientEvent.Room, () => this.#refresh());
    client.on(RoomEvent.Name, () => this.#refresh());
    client.on(RoomEvent.MyMembership, () => this.#refresh());
  }

  get recent(): Store<readonly string[]> {
    return this.#recent;
  }

  async load(): Promise<void> {
    this.#recent.set(readRecentStickers(await this.#account.values.load(RECENT)));
  }

  packsOf(roomId: string): Store<readonly StickerPack[]> {
    let offer = this.#offers.get(roomId);
    if (!offer) {
      offer = new Store(this.#read(roomId));
      this.#offers.set(roomId, offer);
      const oldest = this.#offers.keys().next().value;
      if (this.#offers.size > CHATS_KEPT_MAX && oldest !== undefined) this.#offers.delete(oldest);
    }
    return offer;
  }

  noteUse({ source }: { readonly source: { readonly mxc: string } }): void {
    this.#recent.update((list) => noteSticker(list, source.mxc));
    this.#account.values.save(RECENT, this.#recent.get());
  }

  async add(place: PackPlace, { file, width, height }: Parameters<Stickers["add"]>[1], name: string): Promise<void> {
    const url = await this.#upload(file);
    const image = { url, info: { mimetype: file.type, size: file.size, w: width, h: height } };
    await this.#change(place, (content) => {
      if (Object.keys(readChild(readRecord(content), "images") ?? {}).length >= PACK_IMAGES_OWN_MAX) throw new Problem("stickers_full");
      return withSticker(content, name, image);
    });
  }

  rename(place: PackPlace, code: string, name: string): Promise<void> {
    return this.#change(place, (content) => withRenamed(content, code, name));
  }

  remove(place: PackPlace, code: string): Promise<void> {
    return this.#change(place, (content) => withoutSticker(content, code));
  }

  setEverywhere(place: Exclude<PackPlace, "own">, isEverywhere: boolean): Promise<void> {
    return this.#inTurn(async () => {
      const { client } = this.#account;
      const before = await loadAccountData(client, PACK_ROOMS_TYPE);
      await ask(client.setAccountData(PACK_ROOMS_TYPE as never, withPackRoom(before, place, isEverywhere) as never));
    });
  }

  /** Builds on what the server has now: another device, or another member, may have changed it. */
  #change(place: PackPlace, build: (content: unknown) => object): Promise<void> {
    const { client } = this.#account;
    return this.#inTurn(async () => {
      if (place === "own") {
        const before = await loadAccountData(client, OWN_PACK_TYPE);
        await ask(client.setAccountData(OWN_PACK_TYPE as never, build(before) as never));
      } else {
        const before = await orEmpty(client.getStateEvent(place.roomId, ROOM_PACK_TYPE, place.stateKey));
        await ask(client.sendStateEvent(place.roomId, ROOM_PACK_TYPE as never, build(before) as never, place.stateKey));
      }
    });
  }

  #inTurn(change: () => Promise<void>): Promise<void> {
    const result = this.#changing.then(change);
    this.#changing = result.catch(() => undefined);
    return result;
  }

  #refresh(): void {
    for (const [roomId, offer] of this.#offers) {
      const packs = this.#read(roomId);
      // Every state event of every room comes by here.
      if (JSON.stringify(packs) !== JSON.stringify(offer.get())) offer.set(packs);
    }
  }

  #read(roomId: string): readonly StickerPack[] {
    const { client } = this.#account;
    const own = client.getAccountData(OWN_PACK_TYPE as never)?.getContent();
    const everywhere = parsePackRooms(client.getAccountData(PACK_ROOMS_TYPE as never)?.getContent());
    const ids = new Set(everywhere.map(packId));
    const here = client.getRoom(roomId);
    const others = everywhere.filter((place) => place.roomId !== roomId).flatMap((place) => {
      const room = client.getRoom(place.roomId);
      return room?.getMyMembership() === "join" ? this.#readRoom(room, ids, place.stateKey) : [];
    });
    const packs: readonly StickerPack[] = [{ id: "own", place: "own", name: "", stickers: parseStickers(own), mayChange: true, isEverywhere: true }, ...(here ? this.#readRoom(here, ids) : []), ...others];
    return packs.filter((pack) => pack.stickers.length > 0 || pack.mayChange).slice(0, PACKS_MAX);
  }

  /** A room's packs, or the one under a key. Where there is none yet that we may change, an empty one stands for it. */
  #readRoom(room: Room, everywhere: ReadonlySet<string>, stateKey?: string): readonly StickerPack[] {
    const { roomId, currentState } = room;
    const mayChange = currentState.maySendStateEvent(ROOM_PACK_TYPE, this.#account.userId);
    const events = currentState.getStateEvents(ROOM_PACK_TYPE).slice(0, PACKS_MAX).map((event) => ({ key: event.getStateKey() ?? "", content: event.getContent() as unknown }));
    const isMissing = stateKey === undefined && mayChange && !events.some(({ key }) => key === "");
    return [...events, ...(isMissing ? [{ key: "", content: {} as unknown }] : [])].filter(({ key }) => stateKey === undefined || key === stateKey).map(({ key, content }) => {
      const place = { roomId, stateKey: key };
      const id = packId(place);
      return { id, place, name: parsePackName(content) || room.name, stickers: parseStickers(content), mayChange, isEverywhere: everywhere.has(id) };
    });
  }
}

/** From the server itself: what the SDK has may be older. */
function loadAccountData(client: MatrixClient, type: string): Promise<unknown> {
  return orEmpty(client.http.authedRequest<unknown>(Method.Get, `/user/${encodeURIComponent(client.getSafeUserId())}/account_data/${type}`));
}

async function orEmpty(request: Promise<unknown>): Promise<unknown> {
  try {
    return await request;
  } catch (error) {
    if (failureOf(error).status === 404) return {};
    throw problemOf(error);
  }
}
