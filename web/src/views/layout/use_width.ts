import { useSyncExternalStore } from "react";

export type Panes = 1 | 2 | 3;

const queries = { two: "(width >= 720px)", three: "(width >= 1100px)" } as const;

function subscribe(listener: () => void): () => void {
  const lists = Object.values(queries).map((query) => matchMedia(query));
  for (const list of lists) list.addEventListener("change", listener);
  return () => { for (const list of lists) list.removeEventListener("change", listener); };
}

/** How many panes stand side by side: list; list and chat; list, chat and information. */
export function usePanes(): Panes {
  return useSyncExternalStore(subscribe, () => (matchMedia(queries.three).matches ? 3 : matchMedia(queries.two).matches ? 2 : 1), () => 2);
}
