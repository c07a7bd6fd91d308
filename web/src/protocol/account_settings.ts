import { ClientEvent, type MatrixClient, type MatrixEvent, Method } from "matrix-js-sdk";
import type { AccountSettings, Privacy } from "@/domain/account_settings";
import { Store } from "@/domain/store";
import { readField, readInteger, readRecord, readString } from "@/domain/untrusted";
import { ask } from "./failures";
import type { OwnProfile } from "./own_profile";
import { withPassword } from "./password_auth";

const PRIVACY = "org.zajil.privacy";
const DEFAULTS = "org.zajil.defaults";
const AUDIENCES: readonly Privacy["lastSeen"][] = ["everyone", "contacts", "nobody"];

export function buildAccountSettings(client: MatrixClient, profile: OwnProfile): AccountSettings {
  const privacy = new Store<Privacy>(parsePrivacy(undefined));
  const disappearAfterS = new Store<number>(0);
  client.on(ClientEvent.AccountData, (event: MatrixEvent) => {
    if (event.getType() === PRIVACY) privacy.set(parsePrivacy(event.getContent()));
    if (event.getType() === DEFAULTS) disappearAfterS.set(parseDefaultDisappear(event.getContent()));
  });
  const store = async (type: string, content: object) => void (await ask(client.setAccountData(type as never, content as never)));
  return {
    privacy,
    setPrivacy: ({ lastSeen, readReceipts, delivered }) => store(PRIVACY, { ...client.getAccountData(PRIVACY as never)?.getContent(), last_seen: lastSeen, read_receipts: readReceipts, delivered }),
    disappearAfterS,
    setDisappearAfter: (seconds) => store(DEFAULTS, { ...client.getAccountData(DEFAULTS as never)?.getContent(), disappear_after_s: seconds }),
    async setName(name) {
      await ask(client.setDisplayName(name));
      profile.refresh();
    },
    async setAvatar(picture) {
      const url = picture === null ? "" : (await ask(client.uploadContent(picture, { type: picture.type }))).content_uri;
      await ask(client.setAvatarUrl(url));
      profile.refresh();
    },
    changePassword: async (before, after) =>
      void (await withPassword(client, before, (auth) => client.http.authedRequest(Method.Post, "/account/password", undefined, { new_password: after, logout_devices: false, ...(auth ? { auth } : {}) }))),
    deleteAccount: async (password, erase) => void (await withPassword(client, password, (auth) => client.deactivateAccount(auth as never, erase))),
  };
}

function parsePrivacy(content: unknown): Privacy {
  const record = readRecord(content);
  const lastSeen = AUDIENCES.find((audience) => audience === readString(record, "last_seen")) ?? "everyone";
  return { lastSeen, readReceipts: readField(record, "read_receipts") !== false, delivered: readField(record, "delivered") !== false };
}

export function parseDefaultDisappear(content: unknown): number {
  return readInteger(readRecord(content), "disappear_after_s", 0, 365 * 86_400) ?? 0;
}

/** What new chats begin with. */
export function defaultDisappearOf(client: MatrixClient): number {
  return parseDefaultDisappear(client.getAccountData(DEFAULTS as never)?.getContent());
}
