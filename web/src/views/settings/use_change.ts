import { useState } from "react";
import { useShowProblem } from "../common/Toasts";

/** Runs a change that a switch asks for; while it runs the switch waits, and a failure is told. */
export function useChange(): { readonly isBusy: boolean; run(change: () => Promise<unknown>): void } {
  const showProblem = useShowProblem();
  const [isBusy, setIsBusy] = useState(false);
  return {
    isBusy,
    run(change) {
      if (isBusy) return;
      setIsBusy(true);
      void change().catch(showProblem).finally(() => setIsBusy(false));
    },
  };
}
