import { DecryptionFailureCode } from "matrix-js-sdk/lib/crypto-api";
import type { MatrixClient, MatrixEvent } from "matrix-js-sdk";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LateKeys, TRIED_MAX } from "@/protocol/late_keys";

const ALL_TRIES_MS = 1_000_000;
const BATCH = 100;

let late: LateKeys;

beforeEach(() => {
  vi.useFakeTimers();
  late = new LateKeys({ getCrypto: () => ({}) } as unknown as MatrixClient);
});

afterEach(() => {
  late.stop();
  vi.useRealTimers();
});

/** A message whose key is not there, until it is; like the SDK it says how each attempt went. */
function message(eventId: string): { event: MatrixEvent; tried: () => number; bringKey: () => void } {
  let tries = 0;
  let hasKey = false;
  const made = {
    decryptionFailureReason: DecryptionFailureCode.MEGOLM_UNKNOWN_INBOUND_SESSION_ID,
    getId: () => eventId,
    isEncrypted: () => true,
    isRedacted: () => false,
    isDecryptionFailure: () => !hasKey,
    getClearContent: () => ({}),
    async attemptDecryption() {
      tries += 1;
      late.take(event);
    },
  };
  const event = made as unknown as MatrixEvent;
  return { event, tried: () => tries, bringKey: () => (hasKey = true) };
}

async function tryAll(...events: MatrixEvent[]): Promise<void> {
  for (const event of events) late.take(event);
  await vi.advanceTimersByTimeAsync(ALL_TRIES_MS);
}

test("a message is tried a few times, and again from the beginning once it could be read", async () => {
  const one = message("$one");
  await tryAll(one.event);
  expect(one.tried()).toBe(5);
  await tryAll(one.event);
  expect(one.tried(), "it has had its tries").toBe(5);
  one.bringKey();
  late.take(one.event);
  const again = message("$one");
  await tryAll(again.event);
  expect(again.tried()).toBe(5);
});

test("of so many messages only it is remembered how often they were tried", async () => {
  const first = message("$first");
  await tryAll(first.event);
  const others = Array.from({ length: TRIED_MAX }, (_, number) => message(`$${number}`));
  for (let start = 0; start < TRIED_MAX - BATCH; start += BATCH) await tryAll(...others.slice(start, start + BATCH).map(({ event }) => event));
  await tryAll(first.event);
  expect(first.tried()).toBe(5);
  await tryAll(...others.slice(TRIED_MAX - BATCH).map(({ event }) => event));
  await tryAll(first.event);
  expect(first.tried(), "forgotten, as the one that was tried longest ago").toBe(10);
  const last = others[TRIED_MAX - 1];
  if (last) await tryAll(last.event);
  expect(last?.tried(), "not forgotten").toBe(5);
});

test("nothing is tried after the end", async () => {
  const one = message("$one");
  late.take(one.event);
  late.stop();
  await vi.advanceTimersByTimeAsync(ALL_TRIES_MS);
  expect(one.tried()).toBe(0);
});
