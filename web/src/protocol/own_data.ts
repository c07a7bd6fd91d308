import { type MatrixClient, Method } from "matrix-js-sdk";
import type { Device } from "@/domain/account_settings";
import type { KnownAtServer } from "@/domain/settings";
import { readField, readInteger, readList, readRecord, readString } from "@/domain/untrusted";
import { ask } from "./failures";

/** Types whose content is encrypted with the recovery key, and that nobody reads without it. */
const ENCRYPTED_TYPES = /^(?:m\.cross_signing\.(?:master|self_signing|user_signing)|m\.megolm_backup\.v1|org\.matrix\.msc3814)$/u;
const ROOMS_MAX = 10_000;
const PUSHERS_MAX = 100;

/** Asks the server for everything it answers about this account. */
export async function loadKnown(client: MatrixClient, devices: () => Promise<readonly Device[]>, blocked: readonly string[]): Promise<KnownAtServer> {
  const userId = client.getSafeUserId();
  const get = (path: string): Promise<unknown> => client.http.authedRequest<unknown>(Method.Get, path);
  const [profile, list, joined, pushers, backup, media] = await ask(
    Promise.all([
      get(`/profile/${encodeURIComponent(userId)}`),
      devices(),
      get("/joined_rooms"),
      get("/pushers"),
      // 404 where there is no backup.
      get("/room_keys/version").catch(() => undefined),
      client.http.authedRequest<unknown>(Method.Get, "/media/config", undefined, undefined, { prefix: "/_matrix/client/v1" }).catch(() => undefined),
    ]),
  );
  const keys = readInteger(readRecord(backup), "count", 0, Number.MAX_SAFE_INTEGER);
  const uploadMax = readInteger(readRecord(media), "m.upload.size", 0, Number.MAX_SAFE_INTEGER);
  return {
    userId,
    profile: Object.fromEntries(Object.entries(readRecord(profile) ?? {}).map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)])),
    devices: list,
    rooms: readList(readRecord(joined), "joined_rooms", ROOMS_MAX).flatMap((roomId) => (typeof roomId === "string" ? [describeRoom(client, roomId)] : [])),
    blocked,
    pushers: readList(readRecord(pushers), "pushers", PUSHERS_MAX).map(describePusher),
    accountData: [...client.store.accountData.values()].map((event) => ({ type: event.getType(), bytes: new TextEncoder().encode(JSON.stringify(event.getContent())).length, isEncrypted: ENCRYPTED_TYPES.test(event.getType()) })),
    roomDataCount: client.getRooms().reduce((sum, room) => sum + room.accountData.size, 0),
    ...(keys === undefined ? {} : { backup: { keys } }),
    ...(uploadMax === undefined ? {} : { uploadMax }),
  };
}

function describeRoom(client: MatrixClient, roomId: string): KnownAtServer["rooms"][number] {
  const room = client.getRoom(roomId);
  return { roomId, name: room?.name ?? roomId, isEncrypted: room?.hasEncryptionStateEvent() ?? false, membersCount: room?.getJoinedMemberCount() ?? 0 };
}

function describePusher(value: unknown): KnownAtServer["pushers"][number] {
  const pusher = readRecord(value);
  const data = readRecord(readField(pusher, "data"));
  const endpoint = readString(data, "endpoint") ?? readString(data, "url") ?? "";
  return { appId: readString(pusher, "app_id") ?? "", deviceName: readString(pusher, "device_display_name") ?? "", place: URL.canParse(endpoint) ? new URL(endpoint).host : "" };
}
