import { ClientEvent, type MatrixClient, type MatrixEvent, Method } from "matrix-js-sdk";
import { decodeRecoveryKey, deriveRecoveryKeyFromPassphrase } from "matrix-js-sdk/lib/crypto-api";
import type { Devices } from "@/domain/account_settings";
import { cleanName } from "@/domain/bidi";
import type { ChatSummary } from "@/domain/engine";
import type { MessageContext } from "@/domain/message_builder";
import { readShowsTyping, readTakesInvites } from "@/domain/privacy";
import { Problem } from "@/domain/problem";
import { type OwnAccount, type ProfileFields, STATUS_LENGTH_MAX } from "@/domain/settings";
import { Store } from "@/domain/store";
import { readInteger, readRecord, readString } from "@/domain/untrusted";
import type { Account } from "./account";
import { Exporter } from "./export";
import { ask, failureOf } from "./failures";
import { buildNotifications } from "./notifications";
import { loadKnown } from "./own_data";
import { withPassword } from "./password_auth";
import type { HistorySearch } from "./search";
import { buildDeviceStorage } from "./storage_use";

const PRIVACY = "org.zajil.privacy";
const INVITES = "m.invite_permission_config";
const STATUS_FIELD = "org.zajil.status";
const TIME_ZONE_FIELD = "m.tz";
const SAVED_ABOUT = "about";
const TOKEN_LIFETIME_MS_DEFAULT = 120_000;

export interface OwnAccountParts {
  readonly account: Account;
  readonly search: HistorySearch;
  readonly devices: Devices;
  readonly chats: () => readonly ChatSummary[];
  readonly blocked: () => readonly string[];
  readonly contextOf: (roomId: string) => MessageContext;
}

/** The settings of an account beyond those that its chats need. */
export function buildOwnAccount(parts: OwnAccountParts): OwnAccount {
  const { account, devices } = parts;
  const { client } = account;
  const about = new Store<ProfileFields>({ status: "", timeZone: "" });
  watchAbout(account, about);
  return {
    about,
    setAbout: (fields) => storeAbout(account, about, fields),
    privacy: buildPrivacy(client),
    notifications: buildNotifications(account, parts.contextOf),
    storage: buildDeviceStorage(account, parts.search),
    async linkDevice(password) {
      const answer = readRecord(await withPassword(client, password, (auth) => client.http.authedRequest<unknown>(Method.Post, "/login/get_token", undefined, auth ? { auth } : {}, { prefix: "/_matrix/client/v1" })));
      const token = readString(answer, "login_token");
      if (token === undefined) throw new Problem("link_unsupported");
      return { token, expiresAt: account.now() + (readInteger(answer, "expires_in_ms", 0, 86_400_000) ?? TOKEN_LIFETIME_MS_DEFAULT) };
    },
    checkRecoveryKey: (key) => checkRecoveryKey(client, key),
    async changePassword(before, after, logOutOthers) {
      const body = { new_password: after, logout_devices: logOutOthers };
      try {
        await withPassword(client, before, (auth) => client.http.authedRequest(Method.Post, "/account/password", undefined, { ...body, ...(auth ? { auth } : {}) }));
      } catch (error) {
        throw error instanceof Problem && failureOf(error.cause).code === "M_WEAK_PASSWORD" ? new Problem("passwordWeak", {}, error) : error;
      }
    },
    loadKnown: () => loadKnown(client, () => devices.list(), parts.blocked()),
    export: (request) => new Exporter({ account, chats: parts.chats, contextOf: parts.contextOf, blocked: parts.blocked, devices: () => devices.list() }, request).run(),
  };
}

function watchAbout(account: Account, about: Store<ProfileFields>): void {
  const { client, values } = account;
  void values.load(SAVED_ABOUT).then((saved) => about.set(parseAbout(saved, "status", "timeZone")));
  const refresh = async (): Promise<void> => {
    const profile = await client.http.authedRequest<unknown>(Method.Get, `/profile/${encodeURIComponent(account.userId)}`);
    about.set(parseAbout(profile, STATUS_FIELD, TIME_ZONE_FIELD));
    values.save(SAVED_ABOUT, about.get());
  };
  client.once(ClientEvent.Sync, () => void refresh().catch(() => undefined));
}

function parseAbout(value: unknown, status: string, timeZone: string): ProfileFields {
  const record = readRecord(value);
  return { status: cleanName(readString(record, status) ?? "", STATUS_LENGTH_MAX), timeZone: cleanName(readString(record, timeZone) ?? "", 100) };
}

async function storeAbout(account: Account, about: Store<ProfileFields>, fields: Partial<ProfileFields>): Promise<void> {
  const put = async (name: string, value: string | undefined): Promise<void> => {
    if (value === undefined) return;
    const path = `/profile/${encodeURIComponent(account.userId)}/${encodeURIComponent(name)}`;
    if (value !== "") await ask(account.client.http.authedRequest(Method.Put, path, undefined, { [name]: value }));
    else {
      await account.client.http.authedRequest(Method.Delete, path).catch((error: unknown) => {
        if (failureOf(error).status !== 404) return ask(Promise.reject(error));
        return undefined;
      });
    }
  };
  await put(STATUS_FIELD, fields.status === undefined ? undefined : cleanName(fields.status, STATUS_LENGTH_MAX));
  await put(TIME_ZONE_FIELD, fields.timeZone);
  about.set({ ...about.get(), ...fields });
  account.values.save(SAVED_ABOUT, about.get());
}

function buildPrivacy(client: MatrixClient): OwnAccount["privacy"] {
  const showsTyping = new Store(true);
  const takesInvites = new Store(true);
  client.on(ClientEvent.AccountData, (event: MatrixEvent) => {
    if (event.getType() === PRIVACY) showsTyping.set(readShowsTyping(event.getContent()));
    if (event.getType() === INVITES) takesInvites.set(readTakesInvites(event.getContent()));
  });
  const store = async (type: string, change: object): Promise<void> => {
    const before = client.getAccountData(type as never)?.getContent();
    await ask(client.setAccountData(type as never, { ...before, ...change } as never));
  };
  return {
    showsTyping,
    async setShowsTyping(typing) {
      await store(PRIVACY, { typing });
      showsTyping.set(typing);
    },
    takesInvites,
    async setTakesInvites(takes) {
      await store(INVITES, { default_action: takes ? "allow" : "block" });
      takesInvites.set(takes);
    },
  };
}

/** Compares it with what the server keeps of the key; the key itself stays here. */
async function checkRecoveryKey(client: MatrixClient, text: string): Promise<boolean> {
  const found = await client.secretStorage.getKey();
  if (!found) throw new Problem("no_recovery");
  const [, info] = found;
  let key: Uint8Array;
  try {
    key = decodeRecoveryKey(text.trim());
  } catch {
    if (!info.passphrase) return false;
    key = await deriveRecoveryKeyFromPassphrase(text.trim(), info.passphrase.salt, info.passphrase.iterations);
  }
  return client.secretStorage.checkKey(key as Uint8Array<ArrayBuffer>, info);
}
