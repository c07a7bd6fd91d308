import { useEffect, useState } from "react";
import type { Arrival, RegistrationNeeds } from "@/domain/arrival";
import type { Problem } from "@/domain/problem";
import { toProblem } from "./ProblemNote";

/** What the server asks of new accounts, asked once when the form opens. */
export function useNeeds(arrival: Arrival): { readonly needs: RegistrationNeeds | null; readonly problem: Problem | null } {
  const [needs, setNeeds] = useState<RegistrationNeeds | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  useEffect(() => {
    let isGone = false;
    arrival.loadNeeds().then(
      (loaded) => !isGone && setNeeds(loaded),
      (error: unknown) => !isGone && setProblem(toProblem(error)),
    );
    return () => {
      isGone = true;
    };
  }, [arrival]);
  return { needs, problem };
}
