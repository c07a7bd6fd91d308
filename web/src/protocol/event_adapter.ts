import { DecryptionFailureCode, EventShieldColour, EventShieldReason } from "matrix-js-sdk/lib/crypto-api";
import type { MatrixClient, MatrixEvent, RoomMember } from "matrix-js-sdk";
import type { EventRecord } from "@/domain/event_record";
import type { Message, UndecryptableReason } from "@/domain/message";

/** Puts an event of the SDK into the form that the archive and the view models use. */
export function recordEvent(client: MatrixClient, event: MatrixEvent, shield: Message["shield"] = "ok"): EventRecord {
  const roomId = event.getRoomId() ?? "";
  const room = client.getRoom(roomId);
  const sender = event.getSender() ?? "";
  const isState = event.isState();
  const redaction = event.isRedacted() ? event.getUnsigned().redacted_because : undefined;
  const undecryptable = undecryptableReason(event);
  const transactionId = sender === client.getUserId() ? event.getUnsigned().transaction_id : undefined;
  const stateKey = isState ? event.getStateKey() : undefined;
  const unencrypted = !isState && !event.isEncrypted() && redaction === undefined && (room?.hasEncryptionStateEvent() ?? false) && mustBeEncrypted(event);
  return {
    eventId: event.getId() ?? "",
    roomId,
    type: event.getType(),
    sender,
    senderName: memberName(room?.getMember(sender)) ?? localpart(sender),
    sentAt: event.getTs(),
    // A copy: the SDK empties the event's own content when it is redacted.
    content: undecryptable ? {} : structuredClone(event.getOriginalContent()),
    encrypted: event.isEncrypted(),
    shield: unencrypted ? "unencrypted" : shield,
    ...(stateKey === undefined ? {} : { stateKey, previousContent: structuredClone(event.getPrevContent()) }),
    ...(typeof transactionId === "string" ? { transactionId } : {}),
    ...(redaction ? { redactedBy: redaction.sender } : {}),
    ...(undecryptable ? { undecryptable, raw: structuredClone(event.event) as Record<string, unknown> } : {}),
  };
}

/** Reactions and the like may travel in the open; what a person says may not. */
function mustBeEncrypted(event: MatrixEvent): boolean {
  return ["m.room.message", "m.sticker", "m.poll.start", "org.matrix.msc3381.poll.start"].includes(event.getType());
}

/** Why the event cannot be read; undefined where it can. */
export function undecryptableReason(event: MatrixEvent): UndecryptableReason | undefined {
  if (!event.isEncrypted() || event.isRedacted()) return undefined;
  if (!event.isDecryptionFailure()) return event.getClearContent() === null ? "not-yet" : undefined;
  switch (event.decryptionFailureReason) {
    case DecryptionFailureCode.MEGOLM_UNKNOWN_INBOUND_SESSION_ID:
    case DecryptionFailureCode.OLM_UNKNOWN_MESSAGE_INDEX:
      return "not-yet";
    case DecryptionFailureCode.MEGOLM_KEY_WITHHELD:
      return "withheld";
    case DecryptionFailureCode.MEGOLM_KEY_WITHHELD_FOR_UNVERIFIED_DEVICE:
      return "withheld-unverified";
    case DecryptionFailureCode.HISTORICAL_MESSAGE_BACKUP_UNCONFIGURED:
      return "no-key";
    case DecryptionFailureCode.HISTORICAL_MESSAGE_NO_KEY_BACKUP:
    case DecryptionFailureCode.HISTORICAL_MESSAGE_WORKING_BACKUP:
      return "not-backed-up";
    case DecryptionFailureCode.HISTORICAL_MESSAGE_USER_NOT_JOINED:
      return "before-join";
    default:
      return "broken";
  }
}

/** What the crypto says about who sent a decrypted event. */
export async function shieldOf(client: MatrixClient, event: MatrixEvent): Promise<Message["shield"]> {
  if (!event.isEncrypted() || event.isDecryptionFailure() || event.isRedacted()) return "ok";
  // Fails once the engine has been stopped and its keys were put away.
  const info = await client.getCrypto()?.getEncryptionInfoForEvent(event).catch(() => undefined);
  if (!info || info.shieldColour === EventShieldColour.NONE) return "ok";
  if (info.shieldReason === EventShieldReason.VERIFICATION_VIOLATION) return "identity-changed";
  if (info.shieldReason === EventShieldReason.SENT_IN_CLEAR) return "unencrypted";
  // Keys from the backup cannot prove who sent them; with that every restored message would carry a warning.
  if (info.shieldReason === EventShieldReason.AUTHENTICITY_NOT_GUARANTEED) return "ok";
  // Only with somebody whose keys were compared does it say anything that a device of theirs is not confirmed; and
  // the keys of somebody who has just signed up may come after their first message.
  const status = await client.getCrypto()?.getUserVerificationStatus(event.getSender() ?? "").catch(() => undefined);
  return status?.isCrossSigningVerified() === true ? "unverified-device" : "ok";
}

/** The name a person has given themselves; undefined if they have none. */
export function memberName(member: RoomMember | null | undefined): string | undefined {
  // The SDK puts the user ID where there is no name.
  return member && member.rawDisplayName !== "" && member.rawDisplayName !== member.userId ? member.rawDisplayName : undefined;
}

export function localpart(userId: string): string {
  const end = userId.indexOf(":");
  return userId.slice(userId.startsWith("@") ? 1 : 0, end < 0 ? undefined : end);
}
