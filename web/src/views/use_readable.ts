import { useSyncExternalStore } from "react";
import type { Readable } from "@/domain/store";

/** The current value of `readable`; the component renders again when it changes. */
export function useReadable<T>(readable: Readable<T>): T {
  return useSyncExternalStore(readable.subscribe, readable.get);
}
