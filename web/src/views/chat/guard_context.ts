import { useEngine } from "@/app/engine_context";
import type { ForwardGuard } from "@/domain/forward_guard/forward_guard";

/** The account's forward guard, which knows what was received and forwarded; the engine feeds and keeps it. */
export function useForwardGuard(): ForwardGuard {
  return useEngine().guard;
}
