import { Store, type Readable } from "@/domain/store";
import { useReadable } from "@/views/use_readable";
import { buildHash, parseHash, type Route } from "./routes";

const current = new Store<Route>(parseHash(location.hash));
window.addEventListener("hashchange", () => current.set(parseHash(location.hash)));

export const route: Readable<Route> = current;

export function useRoute(): Route {
  return useReadable(route);
}

/** Goes somewhere. `replace` leaves no way back, for steps that are done and for addresses with a secret in them. */
export function navigate(to: Route, replace = false): void {
  const hash = buildHash(to);
  if (replace) history.replaceState(null, "", hash);
  else history.pushState(null, "", hash);
  current.set(parseHash(hash));
}
