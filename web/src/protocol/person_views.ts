import { ClientEvent, Method, type MatrixEvent, RoomStateEvent, UserEvent } from "matrix-js-sdk";
import { cleanName } from "@/domain/bidi";
import type { Engine } from "@/domain/engine";
import type { People, PersonDevice, PersonView } from "@/domain/people";
import { Store, type Readable } from "@/domain/store";
import { readList, readRecord } from "@/domain/untrusted";
import type { Account } from "./account";
import { ask } from "./failures";
import { buildPerson, directPeers, mediaOf } from "./room_facts";

const PEOPLE_KEPT_MAX = 200;
const SHARED_ROOMS_MAX = 500;
const V1 = { prefix: "/_matrix/client/v1" };
const V3 = { prefix: "/_matrix/client/v3" };

/** People as their own pages show them. */
export class PersonViews implements People {
  readonly #account: Account;
  readonly #blocked: Engine["blocked"];
  readonly #people = new Map<string, Store<PersonView>>();
  /** What their server says of people we share no chat with. */
  readonly #profiles = new Map<string, { readonly name?: string; readonly avatarUrl?: string }>();

  constructor(account: Account, blocked: Engine["blocked"]) {
    this.#account = account;
    this.#blocked = blocked;
    const { client, trust } = account;
    const all = () => {
      for (const userId of this.#people.keys()) this.#refresh(userId);
    };
    const one = (_event: unknown, user: { readonly userId: string }) => this.#refresh(user.userId);
    trust.listen((userId) => this.#refresh(userId));
    blocked.subscribe(all);
    client.on(UserEvent.Presence, one);
    client.on(UserEvent.LastPresenceTs, one);
    client.on(RoomStateEvent.Members, (_event, _state, member) => this.#refresh(member.userId));
    client.on(ClientEvent.AccountData, (event: MatrixEvent) => void (event.getType() === "m.direct" && all()));
  }

  person(userId: string): Readable<PersonView> {
    let store = this.#people.get(userId);
    if (!store) {
      store = new Store(this.#build(userId));
      this.#people.set(userId, store);
      const oldest = this.#people.keys().next().value;
      if (this.#people.size > PEOPLE_KEPT_MAX && oldest !== undefined) this.#people.delete(oldest);
    }
    return store;
  }

  async loadProfile(userId: string): Promise<void> {
    const { displayname, avatar_url: avatarUrl } = await ask(this.#account.client.getProfileInfo(userId));
    this.#profiles.set(userId, { ...(displayname ? { name: cleanName(displayname) } : {}), ...(avatarUrl ? { avatarUrl } : {}) });
    this.#refresh(userId);
  }

  async loadDevices(userId: string): Promise<readonly PersonDevice[]> {
    const crypto = this.#account.client.getCrypto();
    const devices = (await crypto?.getUserDeviceInfo([userId], true))?.get(userId);
    return Promise.all(
      [...(devices?.values() ?? [])].map(async ({ deviceId, displayName }) => ({
        deviceId,
        name: cleanName(displayName ?? "") || deviceId,
        verified: (await crypto?.getDeviceVerificationStatus(userId, deviceId))?.signedByOwner ?? false,
      })),
    );
  }

  async loadSharedRooms(userId: string): Promise<readonly string[]> {
    const answer = await ask(this.#account.client.http.authedRequest<object>(Method.Get, "/mutual_rooms", { user_id: userId }, undefined, V1));
    return readList(readRecord(answer), "joined", SHARED_ROOMS_MAX).filter((roomId): roomId is string => typeof roomId === "string");
  }

  async report(userId: string, reason: string): Promise<void> {
    await ask(this.#account.client.http.authedRequest(Method.Post, `/users/${encodeURIComponent(userId)}/report`, undefined, { reason }, V3));
  }

  directChat(userId: string): string | undefined {
    const { client } = this.#account;
    return [...directPeers(client)].find(([roomId, peer]) => peer === userId && client.getRoom(roomId)?.getMyMembership() === "join")?.[0];
  }

  #refresh(userId: string): void {
    this.#people.get(userId)?.set(this.#build(userId));
  }

  #build(userId: string): PersonView {
    const { client, trust } = this.#account;
    const user = client.getUser(userId);
    const room = client.getRoom(this.directChat(userId)) ?? client.getRooms().find((each) => each.getMember(userId)?.membership === "join");
    const person = buildPerson(client, trust, userId, room);
    const profile = this.#profiles.get(userId);
    const avatar = person.avatar ?? mediaOf(profile?.avatarUrl);
    const isNamed = room?.getMember(userId) || user?.displayName;
    return {
      ...person,
      name: cleanName(isNamed ? person.name : (profile?.name ?? person.name)),
      ...(avatar ? { avatar } : {}),
      ...(user && user.presence ? { presence: { online: user.presence === "online", ...(user.lastActiveAgo > 0 ? { lastSeenAt: user.lastPresenceTs - user.lastActiveAgo } : {}) } } : {}),
      blocked: this.#blocked.get().includes(userId),
    };
  }
}
