import { PushRuleKind, type PushRuleAction, type PushRuleActionName } from "matrix-js-sdk";
import { Problem } from "@/domain/problem";
import { readInteger, readRecord } from "@/domain/untrusted";
import type { Account } from "./account";
import { ask } from "./failures";
import { MUTE_DATA } from "./room_facts";

/** In a rule that silences for a while: Zajil's server pays no attention to the rule from then on, whether or not a client is there to delete it. */
const UNTIL_TWEAK = "org.zajil.until";
/** Browsers take longer times for none. */
const TIMER_MS_MAX = 24 * 3_600_000;
const RETRY_MS = 60_000;

/** A push rule makes the server and every client quiet; until when is in the room's account data too, where all devices see it. */
export async function setMute(account: Account, roomId: string, until: number | null): Promise<void> {
  const { client } = account;
  const setData = (content: object) => ask(client.setRoomAccountData(roomId, MUTE_DATA as never, content as never));
  if (until === null) {
    // Whether there is a rule the server knows best: one that was just made has not come back by sync yet.
    await ask(client.deletePushRule("global", PushRuleKind.Override, roomId)).catch((problem: unknown) => {
      if (!(problem instanceof Problem) || problem.code !== "not_found") throw problem;
    });
    // Last: without it a rule that is left over would be taken for another client's, which mutes for good.
    await setData({});
    return;
  }
  const isForGood = until >= Number.MAX_SAFE_INTEGER;
  await setData({ until: isForGood ? Number.MAX_SAFE_INTEGER : until });
  const conditions = [{ kind: "event_match", key: "room_id", pattern: roomId }];
  const actions: PushRuleAction[] = isForGood ? [] : [{ set_tweak: UNTIL_TWEAK as never, value: until as never }];
  await ask(client.addPushRule("global", PushRuleKind.Override, roomId, { conditions: conditions as never, actions: actions as PushRuleActionName[] }));
}

export interface MuteClockParts {
  now(): number;
  /** Chats that are mute for a while, or were: until when, ms since 1970. */
  list(): Iterable<readonly [roomId: string, until: number]>;
  end(roomId: string): Promise<void>;
}

/** Takes back mutes at their time, and at the next start those whose time came while no client was open. */
export class MuteClock {
  readonly #parts: MuteClockParts;
  readonly #ending = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(parts: MuteClockParts) {
    this.#parts = parts;
  }

  /** To be called whenever mutes may have changed, and when the server can be reached again. */
  check(): void {
    const now = this.#parts.now();
    let wait = Infinity;
    for (const [roomId, until] of this.#parts.list()) {
      if (until > now) wait = Math.min(wait, until - now);
      else this.#end(roomId);
    }
    this.#wait(wait);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #wait(ms: number): void {
    this.stop();
    if (ms < Infinity) this.#timer = setTimeout(() => this.check(), Math.min(ms, TIMER_MS_MAX));
  }

  #end(roomId: string): void {
    if (this.#ending.has(roomId)) return;
    this.#ending.add(roomId);
    void this.#parts.end(roomId).then(
      () => void this.#ending.delete(roomId),
      () => {
        this.#ending.delete(roomId);
        this.#wait(RETRY_MS);
      },
    );
  }
}

export function buildMuteClock(account: Account): MuteClock {
  const { client, now } = account;
  return new MuteClock({
    now,
    *list() {
      for (const room of client.getRooms()) {
        const until = readInteger(readRecord(room.getAccountData(MUTE_DATA)?.getContent()), "until", 0, Number.MAX_SAFE_INTEGER);
        if (until !== undefined) yield [room.roomId, until];
      }
    },
    end: (roomId) => setMute(account, roomId, null),
  });
}
