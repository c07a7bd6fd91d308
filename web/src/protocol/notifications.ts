import { ClientEvent, EventType, type MatrixClient, type MatrixEvent, MatrixEventEvent, Method, type PushRuleActionName, PushRuleKind, type Room, RoomEvent, SyncState } from "matrix-js-sdk";
import { type MessageContext, buildMessage, isMessageType } from "@/domain/message_builder";
import { SILENT_FIELD } from "@/domain/message_envelope";
import { changesForKind, cleanKeyword, type Incoming, KEYWORDS_MAX, masterChange, type NotificationRules, type Notifications, readRules, type RuleChange } from "@/domain/notifications";
import { Problem } from "@/domain/problem";
import { Store } from "@/domain/store";
import { readField, readRecord, readString } from "@/domain/untrusted";
import type { Account } from "./account";
import { localpart, memberName, recordEvent } from "./event_adapter";
import { ask } from "./failures";
import { directPeers } from "./room_facts";
import { registerPusher, unregisterPusher } from "./web_push";

/** What is older is history that was caught up with, not news. */
const NEWS_AGE_MS_MAX = 5 * 60_000;
const DECRYPTION_WAIT_MS_MAX = 60_000;

export function buildNotifications(account: Account, contextOf: (roomId: string) => MessageContext): Notifications {
  const { client } = account;
  const rules = new Store<NotificationRules>(readRules(undefined));
  // What is true now: by the server's last answer, or by sync if that came later. The SDK's own copy is behind after a change of ours.
  let content: unknown = client.getAccountData(EventType.PushRules)?.getContent() ?? client.pushRules;
  let changing = 0;
  const take = (now: unknown): void => {
    content = now;
    rules.set(readRules(now));
  };
  // The echo of a change before the one that is under way would make the switch jump back.
  client.on(ClientEvent.AccountData, (event: MatrixEvent) => void (event.getType() === "m.push_rules" && changing === 0 && take(event.getContent())));
  client.on(ClientEvent.Sync, (state: SyncState) => void (state === SyncState.Prepared && take(client.getAccountData(EventType.PushRules)?.getContent() ?? client.pushRules)));
  const change = async (work: () => Promise<void>): Promise<void> => {
    changing += 1;
    try {
      await work();
      take(await ask(client.getPushRules()));
    } finally {
      changing -= 1;
    }
  };
  const changeRules = (changes: readonly RuleChange[]): Promise<void> => change(async () => {
    for (const each of changes) await applyChange(client, each);
  });
  return {
    rules,
    setOn: (isOn) => changeRules([masterChange(isOn)]),
    setKind: (kind, isOn) => changeRules(changesForKind(content, kind, isOn)),
    async addKeyword(text) {
      const word = cleanKeyword(text);
      if (word === undefined) throw new Problem("keyword_invalid");
      if (rules.get().keywords.length >= KEYWORDS_MAX) throw new Problem("keywords_full");
      const actions = ["notify", { set_tweak: "sound", value: "default" }, { set_tweak: "highlight" }] as unknown as PushRuleActionName[];
      await change(() => ask(client.addPushRule("global", PushRuleKind.ContentSpecific, word, { pattern: word, actions })).then(() => undefined));
    },
    removeKeyword: (word) => change(() => ask(client.deletePushRule("global", PushRuleKind.ContentSpecific, word)).then(() => undefined)),
    listen: (listener) => watchIncoming(account, contextOf, listener),
    register: (subscription, language) => registerPusher(client, subscription, language),
    unregister: (publicKey) => unregisterPusher(client, publicKey),
    async loadKey() {
      const answer = readRecord(await ask(client.http.request<unknown>(Method.Get, "/key", undefined, undefined, { prefix: "/_zajil/web_push" })));
      const [key, url, appId] = ["key", "url", "app_id"].map((name) => readString(answer, name));
      if (key === undefined || url === undefined || appId === undefined) throw new Problem("push_unsupported");
      return { key, url, appId };
    },
  };
}

async function applyChange(client: MatrixClient, { kind, ruleId, enabled, actions }: RuleChange): Promise<void> {
  if (actions !== undefined) await ask(client.setPushRuleActions("global", kind as PushRuleKind, ruleId, actions as PushRuleActionName[]));
  if (enabled !== undefined) await ask(client.setPushRuleEnabled("global", kind as PushRuleKind, ruleId, enabled));
}

function watchIncoming(account: Account, contextOf: (roomId: string) => MessageContext, listener: (incoming: Incoming) => void): () => void {
  const { client, userId, now } = account;
  const waiting = new WeakMap<MatrixEvent, number>();
  const tell = (event: MatrixEvent): void => {
    const room = client.getRoom(event.getRoomId());
    const actions = client.getPushActionsForEvent(event, true);
    const eventId = event.getId();
    if (!room || !actions?.notify || eventId === undefined) return;
    const sender = event.getSender() ?? "";
    const record = recordEvent(client, event);
    const context = contextOf(room.roomId);
    const isMessage = isMessageType(record);
    if (isMessage ? !context.isVisible(record) || record.undecryptable !== undefined : !isOwnInvite(event, userId)) return;
    listener({
      roomId: room.roomId,
      eventId,
      chatName: room.name,
      isDirect: directPeers(client).has(room.roomId),
      ...(isMessage ? { message: buildMessage(record, Infinity, [], context) } : {}),
      senderName: memberName(room.getMember(sender)) ?? localpart(sender),
      isMention: actions.tweaks.highlight === true,
      hasSound: actions.tweaks.sound !== undefined && readField(record.content, SILENT_FIELD) !== true,
    });
  };
  const isNews = (event: MatrixEvent): boolean => event.getSender() !== userId && now() - event.getTs() < NEWS_AGE_MS_MAX;
  const onTimeline = (event: MatrixEvent, room: Room | undefined, toStart: boolean | undefined, removed: boolean, data: { readonly liveEvent?: boolean }): void => {
    if (!room || toStart || removed || data.liveEvent !== true || !isNews(event)) return;
    if (event.isEncrypted() && event.getClearContent() === null) waiting.set(event, now());
    else tell(event);
  };
  const onDecrypted = (event: MatrixEvent): void => {
    const since = waiting.get(event);
    if (since === undefined || event.isDecryptionFailure()) return;
    waiting.delete(event);
    if (now() - since < DECRYPTION_WAIT_MS_MAX) tell(event);
  };
  const onMembership = (room: Room, membership: string): void => {
    const event = room.getMember(userId)?.events.member;
    if (membership === "invite" && event && isNews(event)) tell(event);
  };
  client.on(RoomEvent.Timeline, onTimeline);
  client.on(MatrixEventEvent.Decrypted, onDecrypted);
  client.on(RoomEvent.MyMembership, onMembership);
  return () => {
    client.off(RoomEvent.Timeline, onTimeline);
    client.off(MatrixEventEvent.Decrypted, onDecrypted);
    client.off(RoomEvent.MyMembership, onMembership);
  };
}

function isOwnInvite(event: MatrixEvent, userId: string): boolean {
  return event.getType() === "m.room.member" && event.getStateKey() === userId && readField(readRecord(event.getContent()), "membership") === "invite";
}
