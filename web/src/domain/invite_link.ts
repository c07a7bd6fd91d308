import { isEventId, isRoomAlias, isRoomId, isServerName, isUserId } from "./matrix_id";

/**
 * Links to people, chats and messages. Ours are routes behind `#`, which browsers never send to a server:
 * `https://host/#/invite/<room ID or alias>?via=server&token=…`, `#/user/<user ID>`, `#/room/<room ID or alias>/<event ID>`.
 * matrix.to links and `matrix:` URIs (specification, appendices, "URIs") say the same and are understood too.
 */
export type MatrixTarget =
  | { readonly kind: "user"; readonly userId: string }
  | { readonly kind: "room"; readonly room: string; readonly via: readonly string[]; readonly eventId?: string }
  | { readonly kind: "invite"; readonly room: string; readonly via: readonly string[]; readonly token?: string };

export const LINK_LENGTH_MAX = 2_000;
export const VIA_MAX = 5;
const TOKEN = /^[A-Za-z0-9._~-]{1,128}$/u;
const MATRIX_TO = /^https?:\/\/(?:www\.)?matrix\.to\/#\//iu;
const OWN_ROUTE = /^(?:https?:\/\/[^\s/#?]+(?:\/[^\s#]*)?)?#\/(invite|user|room)\/(.+)$/u;

/** Understands all of the above; undefined for every other link. */
export function parseMatrixLink(href: string): MatrixTarget | undefined {
  if (href.length > LINK_LENGTH_MAX) return undefined;
  const link = href.trim();
  if (/^matrix:/iu.test(link)) return parseMatrixUri(link.slice("matrix:".length));
  const matrixTo = MATRIX_TO.exec(link);
  if (matrixTo !== null) return parseMatrixTo(link.slice(matrixTo[0].length));
  const own = OWN_ROUTE.exec(link);
  return own === null ? undefined : parseOwn(own[1] ?? "", own[2] ?? "");
}

/** What a scanned QR code or a pasted text means: a link, or a bare user ID, room ID or alias. */
export function parseScanned(text: string): MatrixTarget | undefined {
  const trimmed = text.trim();
  if (isUserId(trimmed)) return { kind: "user", userId: trimmed };
  if (isRoomAlias(trimmed) || isRoomId(trimmed)) return { kind: "room", room: trimmed, via: [] };
  return parseMatrixLink(trimmed);
}

function splitQuery(text: string): { readonly path: string; readonly query: URLSearchParams } {
  const mark = text.indexOf("?");
  if (mark === -1) return { path: text, query: new URLSearchParams() };
  return { path: text.slice(0, mark), query: new URLSearchParams(text.slice(mark + 1)) };
}

function decode(part: string | undefined): string {
  try {
    return decodeURIComponent(part ?? "");
  } catch {
    return "";
  }
}

function readVia(query: URLSearchParams): readonly string[] {
  return [...new Set(query.getAll("via").filter(isServerName))].slice(0, VIA_MAX);
}

function buildTarget(id: string, eventId: string, query: URLSearchParams): MatrixTarget | undefined {
  if (isUserId(id)) return { kind: "user", userId: id };
  if (!isRoomAlias(id) && !isRoomId(id)) return undefined;
  const via = readVia(query);
  if (eventId === "") return { kind: "room", room: id, via };
  return isEventId(eventId) ? { kind: "room", room: id, via, eventId } : undefined;
}

function parseMatrixTo(rest: string): MatrixTarget | undefined {
  const { path, query } = splitQuery(rest);
  // Aliases are often left unescaped, so "#" stands in the path as it is; room IDs may hold "/", which then comes escaped.
  const [id, eventId] = path.split("/");
  return buildTarget(decode(id), decode(eventId), query);
}

function parseMatrixUri(rest: string): MatrixTarget | undefined {
  const { path, query } = splitQuery(rest.replace(/^\/\/[^/]*\//u, ""));
  const [kind, id, eventKind, event] = path.split("/");
  const sigil = new Map([["u", "@"], ["user", "@"], ["r", "#"], ["room", "#"], ["roomid", "!"]]).get(kind ?? "");
  if (sigil === undefined) return undefined;
  const hasEvent = eventKind === "e" || eventKind === "event";
  return buildTarget(sigil + decode(id), hasEvent ? `$${decode(event)}` : "", query);
}

function parseOwn(route: string, rest: string): MatrixTarget | undefined {
  const { path, query } = splitQuery(rest);
  const [first, second] = path.split("/");
  const id = decode(first);
  if (route === "user") return isUserId(id) ? { kind: "user", userId: id } : undefined;
  if (route === "room") return isUserId(id) ? undefined : buildTarget(id, decode(second), query);
  if (!isRoomAlias(id) && !isRoomId(id)) return undefined;
  const token = query.get("token") ?? "";
  const invite = { kind: "invite", room: id, via: readVia(query) } as const;
  return TOKEN.test(token) ? { ...invite, token } : invite;
}

/** The route of a target in this client, from `#` on. */
export function buildRoute(target: MatrixTarget): string {
  if (target.kind === "user") return `#/user/${encodeURIComponent(target.userId)}`;
  const query = target.via.slice(0, VIA_MAX).map((server) => `via=${encodeURIComponent(server)}`);
  if (target.kind === "invite" && target.token !== undefined) query.push(`token=${encodeURIComponent(target.token)}`);
  const event = target.kind === "room" && target.eventId !== undefined ? `/${encodeURIComponent(target.eventId)}` : "";
  const route = target.kind === "invite" ? "invite" : "room";
  return `#/${route}/${encodeURIComponent(target.room)}${event}${query.length === 0 ? "" : `?${query.join("&")}`}`;
}

/** A link to hand out, also what its QR code holds. `base` is the client's address without `#`. */
export function buildLink(base: string, target: MatrixTarget): string {
  const bare = base.split("#", 1)[0] ?? "";
  return `${bare.endsWith("/") ? bare : `${bare}/`}${buildRoute(target)}`;
}

/** The link that every Matrix client understands, which formatted messages carry for mentions. */
export function buildMatrixTo(target: MatrixTarget): string {
  if (target.kind === "user") return `https://matrix.to/#/${encodeURIComponent(target.userId)}`;
  const event = target.kind === "room" && target.eventId !== undefined ? `/${encodeURIComponent(target.eventId)}` : "";
  const via = target.via.slice(0, VIA_MAX).map((server) => `via=${encodeURIComponent(server)}`).join("&");
  return `https://matrix.to/#/${encodeURIComponent(target.room)}${event}${via === "" ? "" : `?${via}`}`;
}
