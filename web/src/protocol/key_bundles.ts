import type { OlmMachine, RoomPendingKeyBundleDetails } from "@matrix-org/matrix-sdk-crypto-wasm";
import type { MatrixClient } from "matrix-js-sdk";

/** Who invites into a chat may send the keys of what was written there before. The SDK waits for them a day. */
const PENDING_MS_MAX = 86_400_000;

interface Crypto {
  readonly olmMachine: OlmMachine;
  maybeAcceptKeyBundle(roomId: string, inviter: string): Promise<boolean>;
}

let find: ((this: OlmMachine) => Promise<RoomPendingKeyBundleDetails[]>) | undefined;

/** Without a network the SDK could not even begin: it looks for such keys while it sets up the crypto. From now on it does not. */
export async function postponeKeyBundles(): Promise<void> {
  const { OlmMachine: { prototype } } = await import("@matrix-org/matrix-sdk-crypto-wasm");
  if (find) return;
  find = prototype.getAllRoomsPendingKeyBundles;
  prototype.getAllRoomsPendingKeyBundles = () => Promise.resolve([]);
}

/** Looks for them instead; to be called when the server can be reached. What fails is tried again the next time. */
export async function fetchKeyBundles(client: MatrixClient): Promise<void> {
  const crypto = client.getCrypto() as unknown as Crypto | undefined;
  if (!crypto || !find) return;
  for (const { roomId, inviterId, inviteAcceptedAtMillis } of await find.call(crypto.olmMachine)) {
    if (Date.now() - inviteAcceptedAtMillis <= PENDING_MS_MAX) await crypto.maybeAcceptKeyBundle(roomId.toString(), inviterId.toString()).catch(() => false);
    else await crypto.olmMachine.clearRoomPendingKeyBundle(roomId);
  }
}
