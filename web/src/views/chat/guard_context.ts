import { createContext, useContext } from "react";
import { ForwardGuard } from "@/domain/forward_guard/forward_guard";

/** The account's forward guard, which knows what was received and forwarded; the app keeps its state and provides it. */
export const GuardContext = createContext<ForwardGuard>(new ForwardGuard(Date.now));

export function useForwardGuard(): ForwardGuard {
  return useContext(GuardContext);
}
