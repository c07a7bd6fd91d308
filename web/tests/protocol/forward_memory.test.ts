import { expect, test, vi } from "vitest";
import type { EventRecord } from "@/domain/event_record";
import { ForwardMemory } from "@/protocol/forward_memory";
import type { EngineDatabase, Vault } from "@/platform/engine_database";
import type { IdleWork } from "@/platform/idle_work";

const LETTER = "Forward this to everybody you know before midnight or the service will be cut off for you and all of your friends";

function received(body: string): EventRecord {
  return {
    eventId: "$letter", roomId: "!room:localhost", type: "m.room.message", sender: "@badr:localhost", senderName: "badr", sentAt: Date.now(),
    content: { msgtype: "m.text", body }, encrypted: true, shield: "ok",
  };
}

test("what has just arrived is somebody else's words, also while the page has no idle moment", async () => {
  vi.stubGlobal("IDBKeyRange", { bound: () => undefined });
  const steps: (() => void)[] = [];
  const memory = new ForwardMemory({
    userId: "@dina:localhost",
    database: { getAllKeys: () => Promise.resolve([]) } as unknown as EngineDatabase,
    vault: {} as Vault,
    idle: { add: (step: () => void) => steps.push(step) } as unknown as IdleWork,
    now: Date.now,
    isGroup: () => false,
    raised: () => undefined,
  });
  memory.take([{ kind: "event", order: 1, record: received(LETTER) }]);
  await memory.load();
  expect(memory.guard.inspectComposed({ text: `Please read!! ${LETTER}` })).toMatchObject({ kind: "forward", hop: 1 });
  for (const step of steps) step();
  expect(memory.guard.takeChanges().seen).toHaveLength(1);
  vi.unstubAllGlobals();
});
