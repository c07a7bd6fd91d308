/** Identifiers of the Matrix specification (appendices, "Identifier grammar"), checked leniently enough for old rooms and strictly enough to be safe. */

export const IDENTIFIER_LENGTH_MAX = 255;

const SERVER_NAME = /^(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,255})(?::\d{1,5})?$/u;
/** No spaces, controls, surrogates or format characters (which cover the direction controls). */
const OPAQUE = /^[^\s\p{C}]+$/u;

export function isServerName(text: string): boolean {
  return text.length <= 230 && SERVER_NAME.test(text);
}

function hasServer(id: string): boolean {
  const colon = id.indexOf(":");
  return colon > 0 && isServerName(id.slice(colon + 1));
}

function isOpaque(id: string): boolean {
  return id.length > 1 && id.length <= IDENTIFIER_LENGTH_MAX && OPAQUE.test(id);
}

export function isUserId(id: string): boolean {
  return id.startsWith("@") && isOpaque(id) && hasServer(id);
}

export function isRoomAlias(id: string): boolean {
  return id.startsWith("#") && isOpaque(id) && id.indexOf(":") > 1 && hasServer(id);
}

/** Room version 12 and later have no server in the ID. */
export function isRoomId(id: string): boolean {
  return id.startsWith("!") && isOpaque(id) && (!id.includes(":") || hasServer(id));
}

export function isEventId(id: string): boolean {
  return id.startsWith("$") && isOpaque(id);
}

/** `@ali:example.org` → `ali`. */
export function localpart(userId: string): string {
  const colon = userId.indexOf(":");
  return userId.slice(1, colon === -1 ? undefined : colon);
}

/** `@ali:example.org` → `example.org`; empty if there is none. */
export function serverOf(id: string): string {
  const colon = id.indexOf(":");
  return colon === -1 ? "" : id.slice(colon + 1);
}
