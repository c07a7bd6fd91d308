import { type DeviceStorage, type DeviceUse, extrapolate, SAMPLE_MAX } from "@/domain/storage_use";
import type { HistoryEntry } from "@/domain/event_record";
import type { EngineDatabase, Sealed } from "@/platform/engine_database";
import type { Account } from "./account";
import type { HistorySearch } from "./search";

const PAGE_ENTRIES = 500;

function searchKeys(): IDBKeyRange {
  return IDBKeyRange.bound("search:", "search:\uffff");
}

/** What this account's databases hold, and making the search anew. */
export function buildDeviceStorage(account: Account, search: HistorySearch): DeviceStorage {
  const { database, archive, client } = account;
  return {
    async measure() {
      await archive.flush();
      const [messages, searchBytes, waiting] = await Promise.all([measureHistory(database), measureSearch(database), measureQueue(database)]);
      return { messages, search: { bytes: searchBytes }, waiting };
    },
    async rebuildSearch() {
      await search.flush();
      await database.delete("values", searchKeys());
      for (const room of client.getRooms()) {
        let order = -Infinity;
        for (;;) {
          const entries: readonly HistoryEntry[] = await archive.from(room.roomId, order, PAGE_ENTRIES);
          search.take(entries);
          const last = entries.at(-1);
          if (last === undefined || entries.length < PAGE_ENTRIES) break;
          order = last.order + 1;
        }
      }
      await search.flush();
    },
  };
}

async function measureHistory(database: EngineDatabase): Promise<DeviceUse["messages"]> {
  const count = await database.count("history");
  const sample = await database.getAll("history", undefined, SAMPLE_MAX);
  return { count, bytes: extrapolate(count, sample.map((row) => row.sealed?.data.byteLength ?? 0)) };
}

async function measureSearch(database: EngineDatabase): Promise<number> {
  const segments = (await database.getAll("values", searchKeys())) as readonly Sealed[];
  return segments.reduce((sum, { data }) => sum + data.byteLength, 0);
}

async function measureQueue(database: EngineDatabase): Promise<DeviceUse["waiting"]> {
  const rows = await database.getAll("queue");
  return { count: rows.length, bytes: rows.reduce((sum, row) => sum + row.sealed.data.byteLength + (row.file?.size ?? 0), 0) };
}
