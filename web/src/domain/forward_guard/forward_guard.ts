import { hasChainPhrase } from "./chain_phrases";
import { fingerprint, similarity } from "./fingerprint";
import type { Fingerprint, GuardedContent } from "./fingerprint";
import { readState, writeState } from "./guard_state";
import type { GuardState, SeenContent, SentContent } from "./guard_state";

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

export class ForwardGuard {
  readonly #now: () => number;
  #seen: SeenContent[];
  #sent: SentContent[];
  /** Tags to what was seen, so that the usual case needs no scan. */
  #byTag = new Map<string, SeenContent>();

  /** `saved` comes from `exportState` and may be anything. */
  constructor(now: () => number, saved?: unknown) {
    this.#now = now;
    const state = readState(saved);
    this.#seen = [...state.seen];
    this.#sent = [...state.sent];
    this.#prune();
    this.#indexTags();
  }

  /** Notes what arrived from somebody else and gives its effective hop. */
  receive(content: GuardedContent, claimedHop: number): number {
    return this.receiveFingerprint(fingerprint(content), claimedHop);
  }

  receiveFingerprint(print: Fingerprint, claimedHop: number): number {
    const hop = Math.max(clampHop(claimedHop), this.#localHop(print) ?? 0);
    if (print.everyday) return hop;
    const known = print.tags.map((tag) => this.#byTag.get(tag)).find((seen) => seen !== undefined);
    const entry: SeenContent = { tags: [...new Set([...(known?.tags ?? []), ...print.tags])].slice(0, 4), ...(print.signature === undefined ? {} : { signature: print.signature }), hop, at: this.#now() };
    if (known !== undefined) this.#seen.splice(this.#seen.indexOf(known), 1);
    this.#seen.push(entry);
    for (const tag of entry.tags) this.#byTag.set(tag, entry);
    if (this.#seen.length > SEEN_MAX) this.#forget(this.#seen.length - SEEN_MAX);
    return hop;
  }

  /** For content passed on with "forward": it counts whatever it is. */
  inspectForward(content: GuardedContent, claimedHop: number): Decision {
    const print = fingerprint(content);
    return this.#decide(print, Math.max(clampHop(claimedHop), this.#localHop(print) ?? 0), content.text ?? "");
  }

  /** For content pasted or uploaded: a forward if it was received before, else one's own words. */
  inspectComposed(content: GuardedContent): Decision {
    const print = fingerprint(content);
    const hop = this.#localHop(print);
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
    const at = this.#now();
    for (const target of targets) this.#sent.push({ tags: print.tags, ...(print.signature === undefined ? {} : { signature: print.signature }), roomId: target.roomId, isGroup: target.isGroup, at });
    this.#prune();
  }

  /** To be kept encrypted. Contains no text. */
  exportState(): GuardState {
    this.#prune();
    return writeState({ seen: this.#seen, sent: this.#sent });
  }

  #decide(print: Fingerprint, effectiveHop: number, text: string): Decision {
    const before = this.#targetsOf(print);
    const groups = [...before.values()].filter((isGroup) => isGroup).length;
    return {
      kind: "forward",
      hop: clampHop(effectiveHop + 1),
      effectiveHop,
      confirm: effectiveHop >= LABEL_HOP_MIN || hasChainPhrase(text),
      chatsLeft: Math.max(0, chatsMax(effectiveHop) - before.size),
      groupsLeft: Math.max(0, GROUPS_MAX - groups),
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
    for (const seen of this.#seen) if (seen.signature !== undefined && similarity(print.signature, seen.signature) >= NEAR_DUPLICATE_MIN) take(seen);
    return hop;
  }

  /** Chats that got this content in the last 24 hours, and whether they are groups. */
  #targetsOf(print: Fingerprint): ReadonlyMap<string, boolean> {
    const since = this.#now() - LADDER_WINDOW_MS;
    const targets = new Map<string, boolean>();
    for (const sent of this.#sent) {
      const same = sent.tags.some((tag) => print.tags.includes(tag)) || (print.signature !== undefined && sent.signature !== undefined && similarity(print.signature, sent.signature) >= NEAR_DUPLICATE_MIN);
      if (same && sent.at > since) targets.set(sent.roomId, sent.isGroup);
    }
    return targets;
  }

  #forget(count: number): void {
    for (const seen of this.#seen.splice(0, count)) for (const tag of seen.tags) if (this.#byTag.get(tag) === seen) this.#byTag.delete(tag);
  }

  #prune(): void {
    const now = this.#now();
    const expired = this.#seen.findIndex((seen) => seen.at >= now - RETENTION_MS);
    this.#forget(expired === -1 ? this.#seen.length : expired);
    if (this.#seen.length > SEEN_MAX) this.#forget(this.#seen.length - SEEN_MAX);
    this.#sent = this.#sent.filter((sent) => sent.at > now - LADDER_WINDOW_MS).slice(-SENT_MAX);
  }

  #indexTags(): void {
    this.#byTag = new Map(this.#seen.flatMap((seen) => seen.tags.map((tag) => [tag, seen] as const)));
  }
}
