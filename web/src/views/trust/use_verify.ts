import { useEngine } from "@/app/engine_context";
import { useShowProblem } from "../common/Toasts";

/** Asks somebody to compare keys; the question travels through the direct chat, which is made where there is none. */
export function useVerify(): (userId: string) => void {
  const engine = useEngine();
  const showProblem = useShowProblem();
  return (userId) => {
    const ask = async (): Promise<void> => {
      if (engine.people.directChat(userId) === undefined) await engine.startDirectChat(userId);
      await engine.verify({ userId });
    };
    ask().catch(showProblem);
  };
}
