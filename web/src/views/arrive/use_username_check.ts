import { useEffect, useState } from "react";
import type { Arrival } from "@/domain/arrival";

/** So that not every letter is a request. */
const PAUSE_MS = 350;

/** Whether the name can be had; undefined while it is not known. */
export function useUsernameCheck(arrival: Arrival, username: string): "free" | "taken" | "invalid" | undefined {
  const [answer, setAnswer] = useState<{ readonly name: string; readonly result: "free" | "taken" | "invalid" } | null>(null);
  const name = username.trim();
  useEffect(() => {
    if (name === "") return;
    const abort = new AbortController();
    const timer = setTimeout(() => {
      arrival.checkUsername(name, abort.signal).then(
        (result) => setAnswer({ name, result }),
        () => setAnswer(null), // the form says so when it is sent
      );
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [arrival, name]);
  return answer?.name === name ? answer.result : undefined;
}
