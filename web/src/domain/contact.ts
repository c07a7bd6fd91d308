import { cleanName, cleanText } from "./bidi";
import { isUserId } from "./matrix_id";
import { parseScanned } from "./invite_link";

/** vCards (RFC 6350, and 3.0 as phones write it), as far as an address book and we understand each other. */
export interface ContactCard {
  readonly name: string;
  readonly userId?: string;
  readonly phones: readonly string[];
  readonly emails: readonly string[];
  readonly note: string;
}

export const VCARD_LENGTH_MAX = 100_000;
export const CARDS_MAX = 200;
export const VALUES_MAX = 10;
const VALUE_LENGTH_MAX = 200;
const NOTE_LENGTH_MAX = 2_000;
const LINE_BYTES_MAX = 75;

interface Property {
  readonly name: string;
  readonly value: string;
}

/** All cards of a file; what is not understood is left out. */
export function parseVcards(text: string): readonly ContactCard[] {
  const cards: ContactCard[] = [];
  let properties: Property[] | undefined;
  for (const line of unfold(text.slice(0, VCARD_LENGTH_MAX))) {
    const property = readProperty(line);
    if (property === undefined) continue;
    const mark = property.value.trim().toUpperCase();
    if (property.name === "BEGIN" && mark === "VCARD") properties = [];
    else if (property.name === "END" && mark === "VCARD") {
      const card = properties === undefined ? undefined : buildCard(properties);
      if (card !== undefined && cards.length < CARDS_MAX) cards.push(card);
      properties = undefined;
    } else properties?.push(property);
  }
  return cards;
}

/** A line that begins with a blank goes on with the one before it; so does one after "=" in version 2.1's quoted-printable. */
function unfold(text: string): readonly string[] {
  return text.replace(/=\r?\n(?=[^\r\n]*(?:=[0-9A-F]{2}))/gu, "").replace(/\r?\n[ \t]/gu, "").split(/\r?\n/u);
}

function readProperty(line: string): Property | undefined {
  const parts = /^(?:[A-Za-z0-9-]+\.)?([A-Za-z0-9-]{1,40})((?:;(?:"[^"]*"|[^:;"])*)*):(.*)$/su.exec(line);
  if (parts === null) return undefined;
  const quoted = /ENCODING=QUOTED-PRINTABLE/iu.test(parts[2] ?? "");
  const value = parts[3] ?? "";
  return { name: (parts[1] ?? "").toUpperCase(), value: quoted ? decodeQuoted(value) : value };
}

function decodeQuoted(value: string): string {
  const bytes = value.replace(/%/gu, "%25").replace(/=([0-9A-F]{2})/giu, "%$1");
  try {
    return decodeURIComponent(bytes);
  } catch {
    return value;
  }
}

function unescapeValue(value: string): string {
  return value.replace(/\\([\\,;nN])/gu, (_whole, mark: string) => (mark.toLowerCase() === "n" ? "\n" : mark));
}

function buildCard(properties: readonly Property[]): ContactCard | undefined {
  const all = (...names: readonly string[]): readonly string[] => properties.filter((property) => names.includes(property.name)).map((property) => property.value);
  const texts = (...names: readonly string[]): readonly string[] => [...new Set(all(...names).map((value) => cleanName(unescapeValue(value.replace(/^(?:tel|mailto):/iu, "")), VALUE_LENGTH_MAX)).filter((value) => value !== ""))].slice(0, VALUES_MAX);
  const userId = all("X-MATRIX", "IMPP", "URL", "SOCIALPROFILE", "X-SOCIALPROFILE").map(readUserId).find((id) => id !== undefined);
  const phones = texts("TEL");
  const emails = texts("EMAIL");
  const [family = "", given = "", middle = ""] = (all("N")[0] ?? "").split(/(?<!\\);/u).map(unescapeValue);
  const name = texts("FN")[0] || cleanName([given, middle, family].join(" "), VALUE_LENGTH_MAX) || texts("NICKNAME", "ORG")[0] || userId || phones[0] || emails[0];
  if (name === undefined || name === "") return undefined;
  return { name, ...(userId === undefined ? {} : { userId }), phones, emails, note: cleanText(unescapeValue(all("NOTE")[0] ?? ""), NOTE_LENGTH_MAX) };
}

function readUserId(value: string): string | undefined {
  const trimmed = unescapeValue(value).trim();
  if (isUserId(trimmed)) return trimmed;
  const target = parseScanned(trimmed);
  return target?.kind === "user" ? target.userId : undefined;
}

function escapeValue(value: string): string {
  return value.replace(/[\\,;]/gu, "\\$&").replace(/\n/gu, "\\n");
}

/** A card that phones can import. */
export function buildVcard(card: ContactCard): string {
  const lines = [
    "BEGIN:VCARD",
    "VERSION:4.0",
    `FN:${escapeValue(card.name)}`,
    ...(card.userId === undefined ? [] : [`IMPP:${matrixUri(card.userId)}`]),
    ...card.phones.slice(0, VALUES_MAX).map((phone) => `TEL:${escapeValue(phone)}`),
    ...card.emails.slice(0, VALUES_MAX).map((email) => `EMAIL:${escapeValue(email)}`),
    ...(card.note === "" ? [] : [`NOTE:${escapeValue(card.note)}`]),
    "END:VCARD",
  ];
  return lines.map((line) => `${fold(line)}\r\n`).join("");
}

function matrixUri(userId: string): string {
  return `matrix:u/${userId.slice(1).split("/").map(encodeURIComponent).join("%2F").replaceAll("%3A", ":")}`;
}

/** Lines of at most 75 bytes, never cut inside a character. */
function fold(line: string): string {
  const encoder = new TextEncoder();
  let folded = "";
  let bytes = 0;
  for (const character of line) {
    const size = encoder.encode(character).length;
    if (bytes + size > LINE_BYTES_MAX) {
      folded += "\r\n ";
      bytes = 1;
    }
    folded += character;
    bytes += size;
  }
  return folded;
}
