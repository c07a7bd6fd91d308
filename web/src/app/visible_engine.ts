import { useMemo } from "react";
import type { Engine } from "@/domain/engine";
import { LockedChats } from "@/domain/locked_chats";
import { appLock } from "./app_lock";
import { useEngine } from "./engine_context";

export interface VisibleEngine {
  readonly engine: Engine;
  readonly locked: LockedChats;
}

/** The engine without the chats behind the PIN, in the list as in the search and among the stars. */
export function useVisibleEngine(): VisibleEngine {
  const engine = useEngine();
  return useMemo(() => {
    const locked = new LockedChats(appLock, engine.userId);
    const search: Engine["search"] = async (words, filters) => (await engine.search(words, filters)).filter(({ roomId }) => !locked.isHidden(roomId));
    const loadStarred: Engine["loadStarred"] = async () => (await engine.loadStarred()).filter(({ roomId }) => !locked.isHidden(roomId));
    return { locked, engine: { ...engine, chats: locked.filter(engine.chats), search, loadStarred } };
  }, [engine]);
}
