import type { OutgoingFile } from "@/domain/engine";
import { ALBUM_ITEMS_MAX, HASHED_BYTES_MAX, SEND_FILES_MAX } from "@/domain/media/limits";
import type { Inspected, MediaAccess } from "@/domain/media/ports";

export interface SendItem {
  readonly key: string;
  readonly file: Blob;
  readonly name: string;
  readonly facts?: Inspected;
}

export interface SendChoices {
  readonly caption: string;
  readonly compress: boolean;
  readonly viewOnce: boolean;
  /** Everything goes as a file, untouched but for its metadata. */
  readonly asFiles: boolean;
  readonly replyTo?: string;
}

export function buildItems(files: readonly File[]): SendItem[] {
  return files.slice(0, SEND_FILES_MAX).map((file) => ({ key: crypto.randomUUID(), file, name: file.name || "file" }));
}

/** Problems that a picture does not have when it is sent as a file. */
const ONLY_AS_PICTURE = new Set(["media.too_many_pixels", "media.broken_picture"]);

export function kindOf(item: SendItem, asFiles: boolean): OutgoingFile["kind"] {
  const kind = item.facts?.kind ?? "file";
  return asFiles || ONLY_AS_PICTURE.has(item.facts?.problem ?? "") ? "file" : kind;
}

export function maySend(item: SendItem): boolean {
  return item.facts !== undefined && (!item.facts.problem || ONLY_AS_PICTURE.has(item.facts.problem));
}

/** What goes out, in order. Pictures and films that were chosen together form albums of at most ten; the caption stands with the first file. */
export async function buildOutgoing(media: MediaAccess, items: readonly SendItem[], choices: SendChoices): Promise<OutgoingFile[]> {
  const sent = items.filter(maySend);
  const isAlbum = sent.filter((item) => isVisual(item, choices.asFiles)).length > 1 && !choices.viewOnce;
  const albums = new Map<number, string>();
  let visuals = 0;
  const outgoing: OutgoingFile[] = [];
  for (const [index, item] of sent.entries()) {
    const kind = kindOf(item, choices.asFiles);
    const isPicture = isVisual(item, choices.asFiles);
    const number = Math.floor(visuals / ALBUM_ITEMS_MAX);
    if (isPicture) visuals++;
    const album = isPicture && isAlbum ? (albums.get(number) ?? crypto.randomUUID()) : undefined;
    if (album) albums.set(number, album);
    const sha256 = item.file.size <= HASHED_BYTES_MAX ? await media.hash(item.file) : undefined;
    const file = choices.compress && kind === "image" ? await media.compress(item.file) : item.file;
    outgoing.push({
      file,
      name: file === item.file ? item.name : withEnding(item.name, file.type),
      kind,
      hop: 0,
      ...(sha256 ? { sha256 } : {}),
      ...(isPicture && item.facts?.width && item.facts.height ? { width: item.facts.width, height: item.facts.height } : {}),
      ...(index === 0 && choices.caption.trim() ? { caption: choices.caption.trim() } : {}),
      ...(index === 0 && choices.replyTo ? { replyTo: choices.replyTo } : {}),
      ...(choices.viewOnce && isPicture ? { viewOnce: true } : {}),
      ...(album ? { album } : {}),
    });
  }
  return outgoing;
}

function isVisual(item: SendItem, asFiles: boolean): boolean {
  const kind = kindOf(item, asFiles);
  return kind === "image" || kind === "video";
}

/** A picture that was made anew has the ending of what it is now. */
function withEnding(name: string, mimeType: string): string {
  const ending = { "image/jpeg": "jpg", "image/webp": "webp", "image/png": "png" }[mimeType];
  return ending ? `${name.replace(/\.[^.]{1,5}$/, "")}.${ending}` : name;
}
