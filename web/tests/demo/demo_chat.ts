import type { Chat, ChatSummary, Member, OutgoingText, ScheduledText, Timeline, TimelineItem, Upload } from "@/domain/engine";
import type { Message, MessageBody } from "@/domain/message";
import { Store } from "@/domain/store";
import { type ListedThread, NO_THREADS, type ThreadList } from "@/domain/thread_list";

const page_size = 80;
const day_ms = 86_400_000;
const nothing = async (): Promise<void> => undefined;

/** Items with dates between days, as the engine makes them. */
export function buildItems(messages: readonly Message[], unreadFrom?: string): TimelineItem[] {
  const items: TimelineItem[] = [];
  let day = 0;
  let previous: Message | undefined;
  for (const message of messages) {
    const midnight = Math.floor(message.sentAt / day_ms) * day_ms;
    if (midnight !== day) {
      day = midnight;
      items.push({ type: "date", key: `date-${day}`, day });
      previous = undefined;
    }
    if (message.id === unreadFrom) { items.push({ type: "unread", key: "unread" }); previous = undefined; }
    const opensGroup = previous?.sender !== message.sender || message.sentAt - previous.sentAt > 300_000;
    items.push({ type: "message", key: message.id, message, opensGroup });
    previous = message;
  }
  return items;
}

export class DemoChat implements Chat {
  readonly roomId: string;
  readonly summary: Store<ChatSummary>;
  readonly timeline: Store<Timeline>;
  readonly members: Store<readonly Member[]>;
  readonly uploads = new Store<readonly Upload[]>([]);
  /** What was asked of it, for tests. */
  readonly calls: { readonly name: string; readonly values: readonly unknown[] }[] = [];
  #messages: Message[];
  #from: number;
  readonly #unreadFrom: string | undefined;
  #sent = 0;

  constructor(summary: ChatSummary, messages: readonly Message[], members: readonly Member[], loaded: number, unreadFrom?: string) {
    this.roomId = summary.roomId;
    this.summary = new Store(summary);
    this.members = new Store(members);
    this.#messages = [...messages];
    this.#from = Math.max(0, messages.length - loaded);
    this.#unreadFrom = unreadFrom;
    this.timeline = new Store(this.#build("no"));
  }

  #build(loading: Timeline["loading"]): Timeline {
    return { items: buildItems(this.#messages.slice(this.#from), this.#unreadFrom), hasBefore: this.#from > 0, hasAfter: false, loading };
  }

  #note(name: string, ...values: readonly unknown[]): void {
    this.calls.push({ name, values });
  }

  #change(id: string, change: (message: Message) => Message): void {
    this.#messages = this.#messages.map((message) => (message.id === id || message.eventId === id ? change(message) : message));
    this.timeline.set(this.#build("no"));
  }

  async loadBefore(): Promise<void> {
    if (this.#from === 0 || this.timeline.get().loading !== "no") return;
    this.timeline.update((timeline) => ({ ...timeline, loading: "before" }));
    await new Promise((done) => setTimeout(done, 30));
    this.#from = Math.max(0, this.#from - page_size);
    this.timeline.set(this.#build("no"));
  }

  loadAfter = nothing;

  async jumpTo(target: { readonly eventId: string } | { readonly time: number }): Promise<void> {
    this.#note("jumpTo", target);
    const at = this.#messages.findIndex((message) => ("eventId" in target ? message.eventId === target.eventId : message.sentAt >= target.time));
    if (at >= 0 && at < this.#from) {
      this.#from = Math.max(0, at - 20);
      this.timeline.set(this.#build("no"));
    }
  }

  jumpToLive(): void { this.#note("jumpToLive"); }

  readonly scheduled = new Store<readonly ScheduledText[]>([]);
  schedule(text: OutgoingText, at: number): void { this.scheduled.update((list) => [...list, { id: `scheduled-${list.length}-${at}`, at, text }].sort((a, b) => a.at - b.at)); }
  unschedule(id: string): void { this.scheduled.update((list) => list.filter((each) => each.id !== id)); }
  #threads = new Map<string, DemoChat>();

  thread(rootEventId: string): DemoChat {
    const known = this.#threads.get(rootEventId);
    if (known) return known;
    const { draft: _draft, ...summary } = this.summary.get();
    const thread = new DemoChat(summary, this.#messages.filter((message) => message.eventId === rootEventId || message.threadRoot === rootEventId), this.members.get(), 50);
    this.#threads.set(rootEventId, thread);
    return thread;
  }

  readonly threads = new Store<ThreadList>(NO_THREADS);

  async loadThreads(): Promise<void> {
    const threads = this.#messages.flatMap((root): ListedThread[] => {
      if (!root.thread || !root.eventId) return [];
      const latest = this.#messages.findLast((message) => message.threadRoot === root.eventId) ?? this.#messages.find((message) => message.sender !== root.sender);
      return [{ rootId: root.eventId, root, ...(latest ? { latest } : {}), ...root.thread }];
    });
    this.threads.set({ threads, loading: false, hasMore: false, isPartial: false });
  }

  async message(eventId: string): Promise<Message | undefined> {
    return this.#messages.find((message) => message.eventId === eventId);
  }

  receive(body: MessageBody, sender: string, senderName: string): void {
    this.#append(body, { sender, senderName, isOwn: false, status: "read" });
  }

  #append(body: MessageBody, more: Partial<Message>): void {
    this.#sent += 1;
    const id = `~sent-${this.#sent}`;
    const base = this.#messages[this.#messages.length - 1]!;
    this.#messages = [...this.#messages, {
      ...base, id, eventId: `$sent-${this.#sent}`, sender: "@me:demo", senderName: "Me", isOwn: true, sentAt: base.sentAt + 1000, body, edited: false, reactions: [], status: "sending",
      deliveredTo: [], readBy: [], hop: 0, viewOnce: false, pinned: false, starred: false, shield: "ok", replyTo: undefined, expiresAt: undefined, ...more,
    } as Message];
    this.timeline.set(this.#build("no"));
  }

  sendText(text: OutgoingText): void {
    this.#note("sendText", text);
    this.#append({ kind: "text", style: "text", text: text.markdown, rich: [{ type: "text", text: text.markdown }] }, { hop: text.hop, ...(text.replyTo ? { replyTo: text.replyTo } : {}) });
    this.summary.update((summary) => ({ ...summary, draft: undefined }) as ChatSummary);
  }

  sendFile(file: Parameters<Chat["sendFile"]>[0]): void {
    this.#note("sendFile", file);
    if (file.kind === "sticker") this.#append({ kind: "sticker", name: file.name, picture: { source: { mxc: "mxc://demo/sticker", mimeType: file.file.type, size: file.file.size }, width: 300, height: 300 } }, {});
    else this.#append({ kind: "file", source: { mxc: "mxc://demo/sent", mimeType: file.file.type, size: file.file.size }, name: file.name }, {});
  }

  sendSticker(): void { this.#note("sendSticker"); }
  sendPoll(question: string, answers: readonly string[], selectionsMax: number, disclosed: boolean): void {
    this.#note("sendPoll", question, answers);
    this.#append({ kind: "poll", question, answers: answers.map((text, at) => ({ id: String(at), text })), selectionsMax, disclosed }, {});
  }

  sendLocation(place: Parameters<Chat["sendLocation"]>[0], label: string): void { this.#append({ kind: "location", ...place, label }, {}); }
  sendContact(userId: string, name: string): void { this.#append({ kind: "contact", userId, name }, {}); }
  vote(...values: readonly unknown[]): void { this.#note("vote", ...values); }
  endPoll(pollEventId: string): void { this.#note("endPoll", pollEventId); }
  edit(eventId: string, text: OutgoingText): void {
    this.#note("edit", eventId, text);
    this.#change(eventId, (message) => ({ ...message, edited: true, body: { kind: "text", style: "text", text: text.markdown, rich: [{ type: "text", text: text.markdown }] } }));
  }
  react(eventId: string, key: string): void {
    this.#note("react", eventId, key);
    this.#change(eventId, (message) => {
      const other = message.reactions.find((reaction) => reaction.key === key);
      const mine = { key, senders: [...(other?.senders ?? []), "@me:demo"], mine: "$mine" };
      return { ...message, reactions: other ? message.reactions.map((reaction) => (reaction === other ? mine : reaction)) : [...message.reactions, mine] };
    });
  }
  unreact(eventId: string, key: string): void {
    this.#note("unreact", eventId, key);
    this.#change(eventId, (message) => ({ ...message, reactions: message.reactions.flatMap((reaction) => {
      if (reaction.key !== key) return [reaction];
      const senders = reaction.senders.filter((sender) => sender !== "@me:demo");
      return senders.length ? [{ key, senders }] : [];
    }) }));
  }
  deleteForEveryone(eventId: string): void { this.#note("deleteForEveryone", eventId); this.#change(eventId, (message) => ({ ...message, body: { kind: "deleted", by: "@me:demo" } })); }
  async deleteForMe(id: string): Promise<void> { this.#note("deleteForMe", id); this.#messages = this.#messages.filter((message) => message.id !== id); this.timeline.set(this.#build("no")); }
  retry(id: string): void { this.#note("retry", id); }
  async cancel(id: string): Promise<boolean> { this.#note("cancel", id); return true; }
  async setPinned(eventId: string, pinned: boolean): Promise<void> { this.#change(eventId, (message) => ({ ...message, pinned })); }
  async setStarred(eventId: string, starred: boolean): Promise<void> { this.#change(eventId, (message) => ({ ...message, starred })); }
  markViewed(eventId: string): void { this.#note("markViewed", eventId); }
  markRead(): void { this.#note("markRead"); this.summary.update((summary) => ({ ...summary, unread: 0, mentions: 0, markedUnread: false })); }
  async markUnread(): Promise<void> { this.summary.update((summary) => ({ ...summary, markedUnread: true })); }
  setTyping(typing: boolean): void { this.#note("setTyping", typing); }
  setDraft(draft: string): void { this.#note("setDraft", draft); this.summary.update((summary) => ({ ...summary, draft })); }
  accept = nothing;
  leave = nothing;
  forget = nothing;
  async setListFlags(flags: Parameters<Chat["setListFlags"]>[0]): Promise<void> {
    this.#note("setListFlags", flags);
    const { mutedUntil, ...rest } = flags;
    this.summary.update((summary) => ({ ...summary, ...rest, ...(mutedUntil === undefined ? {} : { mutedUntil: mutedUntil ?? undefined }) }) as ChatSummary);
  }
  async setDisappearAfter(disappearAfterS: number): Promise<void> { this.summary.update((summary) => ({ ...summary, disappearAfterS })); }
  rename = nothing;
  setTopic = nothing;
  setAvatar = nothing;
  invite = nothing;
  remove = nothing;
  ban = nothing;
  unban = nothing;
  setPowerLevel = nothing;
  async report(eventId: string | null, reason: string): Promise<void> { this.#note("report", eventId, reason); }
}
