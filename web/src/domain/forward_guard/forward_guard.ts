import { hasChainPhrase } from "./chain_phrases";
import { exactFingerprint, fingerprint, similarity, tagOfMxc } from "./fingerprint";
import type { Fingerprint, GuardedContent } from "./fingerprint";
import { readState, writeState } from "./guard_state";
import type { GuardState, OwnContent, SeenContent, SentContent } from "./guard_state";

/** The forward ladder: how often content travelled decides to how many chats it may go on. Runs on this device alone; only the hop count is ever sent. */
export const HOP_MAX = 4;
export const NEAR_DUPLICATE_MIN = 0.6;
export const RETENTION_MS = 7 * 86_400_000;
export const LADDER_WINDOW_MS = 86_400_000;
/** Chats per content and 24 hours, by effective hop 0 … 4. */
export const CHATS_MAX: readonly number[] = [5, 5, 3, 2, 1];
export const GROUPS_MAX = 1;
/** From here on content is labelled and its forwarding confirmed. */
export const LABEL_HOP_MIN = 2;
/** About 3 MB with signatures; the oldest go first. */
export const SEEN_MAX = 5_000;
export const SENT_MAX = 500;
export const OWN_MAX = 2_000;
const TAGS_MAX = 4;
const HASHED_MAX = 2_000;

export interface Target {
  readonly roomId: string;
  readonly isGroup: boolean;
}

export type Decision =
  /** A person's own words: never limited. `confirm` only because they read like a chain letter. */
  | { readonly kind: "own"; readonly hop: 0; readonly confirm: boolean }
  | {
      readonly kind: "forward";
      /** Goes into the outgoing message: one more than what it had. */
      readonly hop: number;
      readonly effectiveHop: number;
      readonly confirm: boolean;
      /** In the last 24 hours, this content may go to so many further chats, so many of them groups. */
      readonly chatsLeft: number;
      readonly groupsLeft: number;
      /** When the next chat and the next group become free again, ms since 1970; absent while nothing is taken. */
      readonly chatsFreeAt?: number;
      readonly groupsFreeAt?: number;
    };

/** "many" is shown as "forwarded many times". */
export function labelOf(hop: number): "many" | undefined {
  return hop >= LABEL_HOP_MIN ? "many" : undefined;
}

export function chatsMax(effectiveHop: number): number {
  return CHATS_MAX[clampHop(effectiveHop)] ?? 1;
}

function clampHop(hop: number): number {
  return Number.isFinite(hop) ? Math.min(Math.max(Math.floor(hop), 0), HOP_MAX) : 0;
}

/** What a message is held against the ladder with. */
export interface Forwarded {
  readonly content: GuardedContent;
  /** What the message says of itself. */
  readonly hop: number;
  readonly isOwn: boolean;
}

type Reached = ReadonlyMap<string, { readonly isGroup: boolean; readonly at: number }>;

export class ForwardGuard {
  readonly #now: () => number;
  readonly #changed: () => void;
  readonly #catchUp: () => void;
  #seen: SeenContent[] = [];
  #sent: SentContent[] = [];
  #own: OwnContent[] = [];
  /** Tags to what was seen, so that the usual case needs no scan. */
  readonly #byTag = new Map<string, SeenContent>();
  readonly #ownTags = new Set<string>();
  /** The bytes of files, by address, as far as they are known in this run. */
  readonly #hashed = new Map<string, string>();
  #fresh: { seen: SeenContent[]; sent: SentContent[]; own: OwnContent[] } = { seen: [], sent: [], own: [] };

  /**
   * `saved` comes from `exportState` or `takeChanges` and may be anything; `changed` is called when there is something to save, `catchUp` before
   * anything is decided: it notes what has arrived and was not noted yet.
   */
  constructor(now: () => number, saved?: unknown, changed: () => void = () => undefined, catchUp: () => void = () => undefined) {
    this.#now = now;
    this.#changed = changed;
    this.#catchUp = catchUp;
    this.restore(saved);
  }

  /** Takes back what an earlier run has saved; may be called several times, the oldest first. */
  restore(saved: unknown): void {
    const state = readState(saved);
    for (const entry of state.seen) this.#remember(entry);
    this.#sent.push(...state.sent);
    for (const entry of state.own) this.#rememberOwn(entry);
    this.#prune();
  }

  /** Notes what arrived from somebody else and gives its effective hop. */
  receive(content: GuardedContent, claimedHop: number): number {
    return this.receiveFingerprint(fingerprint(this.#withBytes(content)), claimedHop);
  }

  receiveFingerprint(print: Fingerprint, claimedHop: number): number {
    const hop = Math.max(clampHop(claimedHop), this.#localHop(print) ?? 0);
    if (print.everyday) return hop;
    const known = print.tags.map((tag) => this.#byTag.get(tag)).find((seen) => seen !== undefined);
    const signature = print.signature ?? known?.signature;
    const entry: SeenContent = { tags: [...new Set([...print.tags, ...(known?.tags ?? [])])].slice(0, TAGS_MAX), ...(signature === undefined ? {} : { signature }), hop, at: this.#now() };
    this.#remember(entry);
    if (this.#seen.length > SEEN_MAX) this.#forget(this.#seen.length - SEEN_MAX);
    this.#fresh.seen.push(entry);
    this.#changed();
    return hop;
  }

  /**
   * How far a message that was received has come: what it says of itself, or more if `receive` found that out of it.
   * Searches nothing, so that it may be asked of every message on the screen.
   */
  effectiveHop(content: GuardedContent, claimedHop: number): number {
    const { tags, everyday } = exactFingerprint(content);
    const claimed = clampHop(claimedHop);
    if (everyday) return claimed;
    const since = this.#now() - RETENTION_MS;
    return tags.reduce((hop, tag) => {
      const seen = this.#byTag.get(tag);
      return seen !== undefined && seen.at >= since ? Math.max(hop, seen.hop) : hop;
    }, claimed);
  }

  /** Whether the bytes of the file at this address are still to be told by `linkFile`. */
  wantsFile(mxc: string): boolean {
    return !this.#hashed.has(mxc);
  }

  /**
   * A file was decrypted: from now on its bytes are recognised, under whatever key and address they come. That may be before its message is noted,
   * which waits until the page is idle.
   */
  linkFile(mxc: string, fileSha256: string): void {
    if (this.#hashed.size >= HASHED_MAX) this.#hashed.clear();
    this.#hashed.set(mxc, fileSha256);
    const tag = tagOfMxc(mxc);
    const known = this.#byTag.get(tag);
    if (known !== undefined) this.receive({ mxc, fileSha256 }, known.hop);
    for (const sent of this.#sent.filter(({ tags }) => tags.includes(tag))) this.#rememberSent({ ...sent, tags: fingerprint({ mxc, fileSha256 }).tags });
  }

  /** Notes words and files of this person's own, so that they stay their own when they come back. */
  noteOwn(content: GuardedContent): void {
    const print = fingerprint(this.#withBytes(content));
    if (print.everyday || this.#isOwn(print) || this.#localHop(print) !== undefined) return;
    const entry: OwnContent = { tags: print.tags, ...(print.signature === undefined ? {} : { signature: print.signature }), at: this.#now() };
    this.#rememberOwn(entry);
    this.#fresh.own.push(entry);
    this.#changed();
  }

  /** For content passed on with "forward": it counts whatever it is, but for a person's own. */
  inspectForward(content: GuardedContent, claimedHop: number): Decision {
    this.#catchUp();
    const print = fingerprint(content);
    return this.#decide(print, Math.max(clampHop(claimedHop), this.#localHop(print) ?? 0), content.text ?? "");
  }

  /** For a message that is passed on: what this person sent as their own words stays so. */
  inspectMessage({ content, hop, isOwn }: Forwarded): Decision {
    if (isOwn && hop === 0) return { kind: "own", hop: 0, confirm: hasChainPhrase(content.text ?? "") };
    // What we passed on ourselves already carries our own step.
    return this.inspectForward(content, isOwn ? hop - 1 : hop);
  }

  /** For content pasted or uploaded: a forward if it was received before, else one's own words. */
  inspectComposed(content: GuardedContent): Decision {
    this.#catchUp();
    const print = fingerprint(content);
    const hop = this.#isOwn(print) ? undefined : this.#localHop(print);
    if (hop === undefined) return { kind: "own", hop: 0, confirm: hasChainPhrase(content.text ?? "") };
    return this.#decide(print, hop, content.text ?? "");
  }

  /** Whether the content may go to all of `targets` now. Chats that had it within 24 hours cost nothing. */
  mayForward(decision: Decision, content: GuardedContent, targets: readonly Target[]): boolean {
    if (decision.kind === "own") return true;
    const before = this.#targetsOf(fingerprint(content));
    const fresh = new Map(targets.filter((target) => !before.has(target.roomId)).map((target) => [target.roomId, target]));
    const groups = [...fresh.values()].filter((target) => target.isGroup).length;
    return fresh.size <= decision.chatsLeft && groups <= decision.groupsLeft;
  }

  /** Notes what was forwarded, so that it counts for 24 hours. */
  recordForward(content: GuardedContent, targets: readonly Target[]): void {
    const print = fingerprint(content);
    for (const target of targets) this.#rememberSent(sentTo(print, target, this.#now()));
    this.#prune();
  }

  /**
   * Notes a message of this person's own that had been forwarded, as it comes back from the server: what went out from another of their
   * devices counts here too, and stays somebody else's when it is pasted. What this device has noted itself costs nothing more.
   */
  noteForwarded(content: GuardedContent, hop: number, target: Target, sentAt: number): void {
    this.receive(content, clampHop(hop) - 1);
    const print = fingerprint(this.#withBytes(content));
    const at = Math.min(sentAt, this.#now());
    if (at <= this.#now() - LADDER_WINDOW_MS || this.#targetsOf(print).has(target.roomId)) return;
    this.#rememberSent(sentTo(print, target, at));
    this.#prune();
  }

  /** To be kept encrypted. Contains no text. */
  exportState(): GuardState {
    this.#prune();
    return writeState({ seen: this.#seen, sent: this.#sent, own: this.#own });
  }

  /** What was added since the last call, to be kept beside what was kept before. */
  takeChanges(): GuardState {
    const state = writeState(this.#fresh);
    this.#fresh = { seen: [], sent: [], own: [] };
    return state;
  }

  #withBytes(content: GuardedContent): GuardedContent {
    const fileSha256 = content.fileSha256 ?? (content.mxc === undefined ? undefined : this.#hashed.get(content.mxc));
    return fileSha256 === undefined ? content : { ...content, fileSha256 };
  }

  #decide(print: Fingerprint, effectiveHop: number, text: string): Decision {
    const before = this.#targetsOf(print);
    const groups = [...before.values()].filter(({ isGroup }) => isGroup);
    const chatsFreeAt = freeAt([...before.values()]);
    const groupsFreeAt = freeAt(groups);
    return {
      kind: "forward",
      hop: clampHop(effectiveHop + 1),
      effectiveHop,
      confirm: effectiveHop >= LABEL_HOP_MIN || hasChainPhrase(text),
      chatsLeft: Math.max(0, chatsMax(effectiveHop) - before.size),
      groupsLeft: Math.max(0, GROUPS_MAX - groups.length),
      ...(chatsFreeAt === undefined ? {} : { chatsFreeAt }),
      ...(groupsFreeAt === undefined ? {} : { groupsFreeAt }),
    };
  }

  /** The greatest hop of what was received and is the same or nearly so; undefined if nothing is. */
  #localHop(print: Fingerprint): number | undefined {
    if (print.everyday) return undefined;
    const since = this.#now() - RETENTION_MS;
    let hop: number | undefined;
    const take = (seen: SeenContent): void => {
      if (seen.at >= since) hop = Math.max(hop ?? 0, seen.hop);
    };
    for (const tag of print.tags) {
      const seen = this.#byTag.get(tag);
      if (seen !== undefined) take(seen);
    }
    if (print.signature === undefined || hop === HOP_MAX) return hop;
    for (const seen of this.#seen) if (isNear(print, seen)) take(seen);
    return hop;
  }

  #isOwn(print: Fingerprint): boolean {
    return print.tags.some((tag) => this.#ownTags.has(tag)) || (print.signature !== undefined && this.#own.some((own) => isNear(print, own)));
  }

  /** Chats that got this content in the last 24 hours. */
  #targetsOf(print: Fingerprint): Reached {
    const since = this.#now() - LADDER_WINDOW_MS;
    // A file may have gone out under its address, before its bytes were known.
    const tags = new Set([...print.tags, ...print.tags.flatMap((tag) => this.#byTag.get(tag)?.tags ?? [])]);
    const targets = new Map<string, { readonly isGroup: boolean; readonly at: number }>();
    for (const sent of this.#sent) {
      if (sent.at <= since || !(sent.tags.some((tag) => tags.has(tag)) || isNear(print, sent))) continue;
      targets.set(sent.roomId, { isGroup: sent.isGroup, at: Math.max(sent.at, targets.get(sent.roomId)?.at ?? 0) });
    }
    return targets;
  }

  /** As the newest; what it is a new copy of goes. */
  #remember(entry: SeenContent): void {
    const older = new Set(entry.tags.flatMap((tag) => this.#byTag.get(tag) ?? []));
    if (older.size > 0) this.#seen = this.#seen.filter((seen) => !older.has(seen));
    this.#seen.push(entry);
    for (const tag of entry.tags) this.#byTag.set(tag, entry);
  }

  #rememberSent(entry: SentContent): void {
    this.#sent.push(entry);
    this.#fresh.sent.push(entry);
    this.#changed();
  }

  #rememberOwn(entry: OwnContent): void {
    this.#own.push(entry);
    for (const tag of entry.tags) this.#ownTags.add(tag);
    if (this.#own.length > OWN_MAX) this.#forgetOwn(this.#own.length - OWN_MAX);
  }

  #forgetOwn(count: number): void {
    for (const own of this.#own.splice(0, count)) for (const tag of own.tags) this.#ownTags.delete(tag);
  }

  #forget(count: number): void {
    for (const seen of this.#seen.splice(0, count)) for (const tag of seen.tags) if (this.#byTag.get(tag) === seen) this.#byTag.delete(tag);
  }

  #prune(): void {
    const now = this.#now();
    const expired = this.#seen.findIndex((seen) => seen.at >= now - RETENTION_MS);
    this.#forget(expired === -1 ? this.#seen.length : expired);
    if (this.#seen.length > SEEN_MAX) this.#forget(this.#seen.length - SEEN_MAX);
    const expiredOwn = this.#own.findIndex((own) => own.at >= now - RETENTION_MS);
    this.#forgetOwn(expiredOwn === -1 ? this.#own.length : expiredOwn);
    this.#sent = this.#sent.filter((sent) => sent.at > now - LADDER_WINDOW_MS).slice(-SENT_MAX);
  }
}

function sentTo(print: Fingerprint, target: Target, at: number): SentContent {
  return { tags: print.tags, ...(print.signature === undefined ? {} : { signature: print.signature }), roomId: target.roomId, isGroup: target.isGroup, at };
}

function isNear(print: Fingerprint, other: OwnContent): boolean {
  return print.signature !== undefined && other.signature !== undefined && similarity(print.signature, other.signature) >= NEAR_DUPLICATE_MIN;
}

function freeAt(reached: readonly { readonly at: number }[]): number | undefined {
  return reached.length === 0 ? undefined : Math.min(...reached.map(({ at }) => at)) + LADDER_WINDOW_MS;
}
