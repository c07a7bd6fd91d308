import { createContext, useContext } from "react";
import type { Engine } from "@/domain/engine";

/** The engine of the account at work. */
export const EngineContext = createContext<Engine | null>(null);

export function useEngine(): Engine {
  const engine = useContext(EngineContext);
  if (!engine) throw new Error("EngineContext is missing");
  return engine;
}
