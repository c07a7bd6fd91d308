import type { Message } from "./message";
import type { Readable } from "./store";
import { readField, readList, readRecord, readString } from "./untrusted";

/** What one is told of. Kept as push rules at the server, so that all devices and other apps agree. */
export const NOTIFICATION_KINDS = ["direct", "groups", "mentions", "everyone", "invites", "calls"] as const;
export type NotificationKind = (typeof NOTIFICATION_KINDS)[number];

export interface NotificationRules {
  /** False: nothing is told at all. */
  readonly isOn: boolean;
  readonly kinds: Readonly<Record<NotificationKind, boolean>>;
  /** Words one is told of wherever they are said. */
  readonly keywords: readonly string[];
}

/** A change of one push rule, in the words of the client-server API. */
export interface RuleChange {
  readonly kind: "override" | "underride" | "content";
  readonly ruleId: string;
  readonly enabled?: boolean;
  readonly actions?: readonly unknown[];
}

interface Rule {
  readonly kind: RuleChange["kind"];
  readonly ruleId: string;
  readonly isPlayed: boolean;
}

/** Something has come that one is to be told of. */
export interface Incoming {
  readonly roomId: string;
  readonly eventId: string;
  readonly chatName: string;
  readonly isDirect: boolean;
  /** Absent for an invitation. */
  readonly message?: Message;
  readonly senderName: string;
  readonly hasSound: boolean;
  /** Us, everybody, or one of our words. */
  readonly isMention: boolean;
}

export interface Notifications {
  readonly rules: Readable<NotificationRules>;
  setOn(isOn: boolean): Promise<void>;
  setKind(kind: NotificationKind, isOn: boolean): Promise<void>;
  addKeyword(word: string): Promise<void>;
  removeKeyword(word: string): Promise<void>;
  /** Calls back for everything that comes in while the app runs and that the rules want told. */
  listen(listener: (incoming: Incoming) => void): () => void;
  /** Has the server push to this browser. */
  register(subscription: WebPushSubscription, language: string): Promise<void>;
  unregister(publicKey: string): Promise<void>;
  /** The server's key that browsers subscribe with. */
  loadKey(): Promise<{ readonly key: string; readonly url: string; readonly appId: string }>;
}

/** What a browser gives when it subscribes: base64url. */
export interface WebPushSubscription {
  readonly endpoint: string;
  readonly publicKey: string;
  readonly auth: string;
}

export const KEYWORD_LENGTH_MAX = 60;
export const KEYWORDS_MAX = 50;
const RULES_MAX = 500;
const MASTER = ".m.rule.master";

const RULES: Readonly<Record<NotificationKind, readonly Rule[]>> = {
  direct: [underride(".m.rule.room_one_to_one"), underride(".m.rule.encrypted_room_one_to_one")],
  groups: [underride(".m.rule.message"), underride(".m.rule.encrypted")],
  mentions: [override(".m.rule.is_user_mention")],
  everyone: [override(".m.rule.is_room_mention")],
  invites: [override(".m.rule.invite_for_me")],
  calls: [underride(".m.rule.call")],
};

function underride(ruleId: string): Rule {
  return { kind: "underride", ruleId, isPlayed: true };
}

function override(ruleId: string): Rule {
  return { kind: "override", ruleId, isPlayed: true };
}

function findRule(rules: unknown, kind: string, ruleId: string): { readonly enabled: boolean; readonly tells: boolean } | undefined {
  for (const each of readList(readRecord(readField(readRecord(rules), "global")), kind, RULES_MAX)) {
    const rule = readRecord(each);
    if (readString(rule, "rule_id") !== ruleId) continue;
    return { enabled: readField(rule, "enabled") !== false, tells: readList(rule, "actions", 10).includes("notify") };
  }
  return undefined;
}

/** From the account data `m.push_rules`. */
export function readRules(content: unknown): NotificationRules {
  const isTold = ({ kind, ruleId }: Rule): boolean => {
    const rule = findRule(content, kind, ruleId);
    return rule !== undefined && rule.enabled && rule.tells;
  };
  const kinds = Object.fromEntries(NOTIFICATION_KINDS.map((kind) => [kind, RULES[kind].every(isTold)])) as Record<NotificationKind, boolean>;
  const keywords = readList(readRecord(readField(readRecord(content), "global")), "content", RULES_MAX)
    .map(readRecord)
    .filter((rule) => !(readString(rule, "rule_id") ?? ".").startsWith(".") && readField(rule, "enabled") !== false)
    .flatMap((rule) => readString(rule, "pattern") ?? []);
  return { isOn: findRule(content, "override", MASTER)?.enabled !== true, kinds, keywords };
}

/** What has to be changed at the server so that a kind is told, or not. */
export function changesForKind(content: unknown, kind: NotificationKind, isOn: boolean): readonly RuleChange[] {
  return RULES[kind].flatMap(({ kind: ruleKind, ruleId, isPlayed }): readonly RuleChange[] => {
    const rule = findRule(content, ruleKind, ruleId);
    if (rule === undefined || (rule.enabled && rule.tells) === isOn) return [];
    if (!isOn) return [{ kind: ruleKind, ruleId, enabled: false }];
    const actions = ["notify", ...(isPlayed ? [{ set_tweak: "sound", value: "default" }] : [])];
    return [{ kind: ruleKind, ruleId, ...(rule.enabled ? {} : { enabled: true }), ...(rule.tells ? {} : { actions }) }];
  });
}

export function masterChange(isOn: boolean): RuleChange {
  // The master rule silences while it is enabled.
  return { kind: "override", ruleId: MASTER, enabled: !isOn };
}

/** A word as it is kept, or undefined if it is none. Stars and question marks are patterns to the server: they would match anything. */
export function cleanKeyword(text: string): string | undefined {
  const word = text.replace(/[*?]/gu, "").replace(/\s+/gu, " ").trim().toLowerCase();
  return word === "" || word.length > KEYWORD_LENGTH_MAX || word.startsWith(".") ? undefined : word;
}

/** Messages and chats in the title of the tab and on the app's icon. */
export function countUnread(chats: readonly { readonly unread: number; readonly markedUnread: boolean; readonly mutedUntil?: number; readonly membership: string; readonly archived: boolean }[], now: number): number {
  return chats.reduce((sum, chat) => {
    if ((chat.mutedUntil ?? 0) > now || chat.archived) return sum;
    if (chat.membership === "invite") return sum + 1;
    return sum + (chat.unread > 0 ? chat.unread : chat.markedUnread ? 1 : 0);
  }, 0);
}
