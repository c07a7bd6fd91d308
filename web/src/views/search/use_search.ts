import { useEffect, useState } from "react";
import { useEngine } from "@/app/engine_context";
import type { SearchFilters } from "@/domain/engine";
import type { Message } from "@/domain/message";

const pause_ms = 150;

export interface Found {
  readonly messages: readonly Message[];
  readonly state: "idle" | "searching" | "done";
}

const nothing: Found = { messages: [], state: "idle" };

/** Messages with these words, looked for while one types; `turn` is raised to look again. */
export function useSearch(words: string, filters: SearchFilters, turn = 0): Found {
  const engine = useEngine();
  const [found, setFound] = useState<Found>(nothing);
  const wanted = words.trim();
  const { roomId, sender, after, before } = filters;
  useEffect(() => {
    if (wanted === "") {
      setFound(nothing);
      return;
    }
    let isWanted = true;
    setFound((old) => ({ ...old, state: "searching" }));
    const timer = setTimeout(() => {
      const given = { ...(roomId === undefined ? {} : { roomId }), ...(sender === undefined ? {} : { sender }), ...(after === undefined ? {} : { after }), ...(before === undefined ? {} : { before }) };
      engine.search(wanted, given).then(
        (messages) => { if (isWanted) setFound({ messages, state: "done" }); },
        () => { if (isWanted) setFound({ messages: [], state: "done" }); },
      );
    }, pause_ms);
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [engine, wanted, roomId, sender, after, before, turn]);
  return found;
}
