import { parseHash } from "@/app/routes";

/** The token in a one-time link as another device shows it, or the token itself. */
export function readLoginToken(text: string): string {
  const trimmed = text.trim();
  const mark = trimmed.indexOf("#");
  const route = mark === -1 ? null : parseHash(trimmed.slice(mark));
  return route?.page === "login" ? route.token : trimmed;
}
