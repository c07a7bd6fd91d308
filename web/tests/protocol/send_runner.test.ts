import "fake-indexeddb/auto";
import type { MatrixClient } from "matrix-js-sdk";
import { expect, test } from "vitest";
import { openEngineDatabase, Vault } from "@/platform/engine_database";
import { SendRunner } from "@/protocol/send_runner";

const ROOM = "!room:localhost";

/** A vault that can be made to tarry. */
async function begin(name: string) {
  const database = await openEngineDatabase(name);
  const real = await Vault.open(database);
  let gate: Promise<void> = Promise.resolve();
  const vault = Object.assign(Object.create(real) as Vault, {
    seal: async (value: unknown) => {
      const held = gate;
      const sealed = await real.seal(value);
      await held;
      return sealed;
    },
    unseal: (sealed: Parameters<Vault["unseal"]>[0]) => real.unseal(sealed),
  });
  let answer: (eventId: string) => void = () => undefined;
  const answered = new Promise<string>((resolve) => {
    answer = resolve;
  });
  const client = {
    getRoom: () => ({ hasEncryptionStateEvent: () => false }),
    getCrypto: () => undefined,
    http: { authedRequest: async () => ({ event_id: await answered }) },
  } as unknown as MatrixClient;
  const runner = new SendRunner({ client, database, vault, files: { prepare: () => Promise.reject(new Error("no files")) }, random: () => 0, now: () => 1 });
  const tarry = () => {
    let release: () => void = () => undefined;
    gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    return () => {
      gate = Promise.resolve();
      release();
    };
  };
  return { database, runner, answer, tarry };
}

const until = async (test: () => boolean) => {
  while (!test()) await new Promise((resolve) => setTimeout(resolve, 1));
};

test("a message that has come back while its answer was being written down is not there again after a restart", async () => {
  const { database, runner, answer, tarry } = await begin("settled");
  runner.resume();
  const id = await runner.add({ roomId: ROOM, type: "m.room.message", content: { body: "hello" } });
  await until(() => runner.items.get()[0]?.wire !== undefined);
  const release = tarry();
  answer("$event");
  await new Promise((resolve) => setTimeout(resolve, 20));
  await runner.settle(id);
  release();
  await runner.stop();
  expect(runner.items.get()).toEqual([]);
  expect(await database.getAll("queue")).toEqual([]);
});

test("what the history has is not shown as waiting for it after a restart", async () => {
  const { database, runner, answer } = await begin("known");
  runner.resume();
  await runner.add({ roomId: ROOM, type: "m.room.message", content: { body: "hello" } });
  answer("$event");
  await until(() => runner.items.get()[0]?.state === "sent");
  await runner.settleKnown(() => Promise.resolve(false));
  expect(runner.items.get()).toHaveLength(1);
  await runner.settleKnown((roomId, eventId) => Promise.resolve(roomId === ROOM && eventId === "$event"));
  expect(runner.items.get()).toEqual([]);
  expect(await database.getAll("queue")).toEqual([]);
});
