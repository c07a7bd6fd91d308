import { useState, type FormEvent } from "react";
import type { Problem } from "@/domain/problem";
import { toProblem } from "./ProblemNote";

export interface Submit {
  readonly isBusy: boolean;
  readonly problem: Problem | null;
  setProblem(problem: Problem | null): void;
  run(event?: FormEvent): void;
}

/** One request at a time; its failure stays on the screen until the next try. */
export function useSubmit(action: () => Promise<void>): Submit {
  const [isBusy, setIsBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const run = (event?: FormEvent): void => {
    event?.preventDefault();
    if (isBusy) return;
    setIsBusy(true);
    setProblem(null);
    void action()
      .catch((error: unknown) => setProblem(toProblem(error)))
      .finally(() => setIsBusy(false));
  };
  return { isBusy, problem, setProblem, run };
}
