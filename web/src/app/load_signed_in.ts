import { lazy, type ComponentType } from "react";

let loaded: ComponentType | undefined;

/** Everything behind the sign-in is loaded after it, or at once where somebody is signed in. */
export async function loadSignedIn(): Promise<{ readonly default: ComponentType }> {
  const module = await import("./signed_in");
  loaded = module.default;
  return module;
}

const Later = lazy(loadSignedIn);

/** The component itself once it is there: a lazy one would draw its fallback first. To be asked once for each place. */
export function findSignedIn(): ComponentType {
  return loaded ?? Later;
}
