import { createContext, useContext } from "react";
import type { Arrival } from "@/domain/arrival";
import type { AppModel } from "./app_model";
import type { WarmStarts } from "./warm_start";

/** What lives as long as the page. */
export interface AppServices {
  readonly model: AppModel;
  readonly arrival: Arrival;
  readonly warmStarts: WarmStarts;
  /** False where the browser refuses encryption (a page without TLS). */
  readonly mayEncrypt: boolean;
  saveFile(name: string, content: Blob): void;
  copyText(text: string): Promise<void>;
  print(): void;
}

export const AppContext = createContext<AppServices | null>(null);

export function useApp(): AppServices {
  const services = useContext(AppContext);
  if (services === null) throw new Error("AppContext is missing");
  return services;
}
