import { useSyncExternalStore } from "react";

const step_ms = 30_000;
const listeners = new Set<() => void>();
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = Date.now();
    for (const each of [...listeners]) each();
  }, step_ms);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** The time to half a minute, the same for everything drawn: for "3 minutes ago" and "today". One timer for the page. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => {
    // Nobody listened for a while: the first to ask sets the clock.
    if (timer === undefined && Date.now() - now > step_ms) now = Date.now();
    return now;
  });
}
