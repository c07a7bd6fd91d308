import type { EventRecord } from "./event_record";
import { parseDisappearAfter } from "./message_envelope";
import { readString } from "./untrusted";

export interface Notice {
  readonly textKey: string;
  readonly values: Readonly<Record<string, string>>;
}

type NameOf = (userId: string, fallback: string) => string;

const NAME_LENGTH_MAX = 120;

/** The sentence for a change of the room, or undefined where nobody needs to be told. Keys are `notice.…` of the language files. */
export function buildNotice(record: EventRecord, nameOf: NameOf): Notice | undefined {
  if (record.stateKey === undefined || record.redactedBy !== undefined) return undefined;
  const who = nameOf(record.sender, record.senderName);
  switch (record.type) {
    case "m.room.create":
      return { textKey: "notice.created", values: { who } };
    case "m.room.member":
      return buildMemberNotice(record, who, nameOf);
    case "m.room.name":
      return buildTextNotice(record, who, "name", "name");
    case "m.room.topic":
      return buildTextNotice(record, who, "topic", "topic");
    case "m.room.avatar":
      return { textKey: "notice.picture", values: { who } };
    case "m.room.encryption":
      return { textKey: "notice.encryption", values: { who } };
    case "m.room.join_rules":
      // What a room is made with is no change.
      if (readString(record.previousContent, "join_rule") === undefined) return undefined;
      return { textKey: readString(record.content, "join_rule") === "public" ? "notice.joinPublic" : "notice.joinPrivate", values: { who } };
    case "m.room.tombstone":
      return { textKey: "notice.moved", values: { who } };
    case "m.room.pinned_events":
      return { textKey: "notice.pins", values: { who } };
    case "org.zajil.disappear":
      return buildDisappearNotice(record, who);
    default:
      return undefined;
  }
}

function buildTextNotice(record: EventRecord, who: string, field: string, key: string): Notice {
  const text = shorten(readString(record.content, field) ?? "");
  return text === "" ? { textKey: `notice.${key}Removed`, values: { who } } : { textKey: `notice.${key}`, values: { who, text } };
}

function buildDisappearNotice(record: EventRecord, who: string): Notice | undefined {
  const seconds = parseDisappearAfter(record.content);
  if (seconds === parseDisappearAfter(record.previousContent)) return undefined;
  return seconds === 0 ? { textKey: "notice.disappearOff", values: { who } } : { textKey: "notice.disappear", values: { who, seconds: String(seconds) } };
}

function buildMemberNotice(record: EventRecord, who: string, nameOf: NameOf): Notice | undefined {
  const target = record.stateKey ?? "";
  const whom = nameOf(target, readString(record.content, "displayname") ?? target);
  const now = readString(record.content, "membership");
  const before = readString(record.previousContent, "membership") ?? "leave";
  const isSelf = target === record.sender;
  const values = { who, whom };
  switch (now) {
    case "join":
      return before === "join" ? buildProfileNotice(record, target) : { textKey: "notice.joined", values: { who: whom } };
    case "invite":
      return { textKey: "notice.invited", values };
    case "knock":
      return { textKey: "notice.knocked", values };
    case "ban":
      return { textKey: "notice.banned", values };
    case "leave":
      if (before === "ban") return { textKey: "notice.unbanned", values };
      if (before === "invite") return { textKey: isSelf ? "notice.declined" : "notice.inviteWithdrawn", values };
      if (before === "knock") return { textKey: isSelf ? "notice.knockWithdrawn" : "notice.knockRefused", values };
      return { textKey: isSelf ? "notice.left" : "notice.removed", values };
    default:
      return undefined;
  }
}

function buildProfileNotice(record: EventRecord, target: string): Notice | undefined {
  const name = shorten(readString(record.content, "displayname") ?? target);
  const old = shorten(readString(record.previousContent, "displayname") ?? target);
  return name === old ? undefined : { textKey: "notice.renamedSelf", values: { who: old, text: name } };
}

function shorten(text: string): string {
  return text.length <= NAME_LENGTH_MAX ? text : `${text.slice(0, NAME_LENGTH_MAX)}…`;
}
