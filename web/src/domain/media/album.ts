import type { TimelineItem } from "../engine";
import type { Message, MessageStatus } from "../message";
import { ALBUM_ITEMS_MAX, ALBUM_ITEMS_MIN } from "./limits";

/** Pictures of one sender that were sent as one: consecutive, with the same `album`, at most ten; a reply or a view-once picture stands alone. */
export function mayJoinAlbum(previous: Message, next: Message): boolean {
  const album = albumOf(previous);
  return album !== undefined && album === albumOf(next) && previous.sender === next.sender && next.replyTo === undefined;
}

function albumOf(message: Message): string | undefined {
  const { body } = message;
  return !message.viewOnce && (body.kind === "image" || body.kind === "video") ? body.album : undefined;
}

/** Splits a run of messages (oldest first) into albums and single messages, in order. */
export function groupAlbums(messages: readonly Message[]): readonly (readonly Message[])[] {
  const groups: Message[][] = [];
  for (const message of messages) {
    const group = groups.at(-1);
    const last = group?.at(-1);
    if (group && last && group.length < ALBUM_ITEMS_MAX && mayJoinAlbum(last, message)) group.push(message);
    else groups.push([message]);
  }
  return groups;
}

/** What has come least far speaks for the whole. */
const STATUS_ORDER: readonly MessageStatus[] = ["failed", "waiting", "sending", "held", "delivered", "read"];
const merged = new WeakMap<Message, Message>();

/** Albums as one item each, under the key of their first picture. What needs a bubble of its own (reactions, a caption, a failure) stays alone. */
export function mergeAlbums(items: readonly TimelineItem[]): readonly TimelineItem[] {
  if (!items.some((item) => item.type === "message" && albumOf(item.message) !== undefined)) return items;
  const shown: TimelineItem[] = [];
  let run: Message[] = [];
  const close = () => {
    const last = shown.at(-1);
    if (run.length >= ALBUM_ITEMS_MIN && last?.type === "message") shown[shown.length - 1] = { ...last, message: mergeMessages(run) };
    run = [];
  };
  for (const item of items) {
    const previous = run.at(-1);
    if (item.type === "message" && previous && run.length < ALBUM_ITEMS_MAX && mayJoinAlbum(previous, item.message) && isPlain(item.message)) {
      run.push(item.message);
      continue;
    }
    close();
    shown.push(item);
    if (item.type === "message" && albumOf(item.message) !== undefined && item.message.status !== "failed") run = [item.message];
  }
  close();
  return shown;
}

/** The same object while its parts are the same, so that its row is not drawn again. */
function mergeMessages(run: readonly Message[]): Message {
  const first = run[0]!;
  const known = merged.get(first);
  if (known?.album?.length === run.length && known.album.every((message, at) => message === run[at])) return known;
  const status = STATUS_ORDER[Math.min(...run.map((message) => STATUS_ORDER.indexOf(message.status)))] ?? first.status;
  const message: Message = { ...first, status, album: run };
  merged.set(first, message);
  return message;
}

function isPlain(message: Message): boolean {
  const { body } = message;
  return message.status !== "failed" && message.reactions.length === 0 && (body.kind === "image" || body.kind === "video") && !body.caption?.length;
}

export interface AlbumTile {
  /** Shares of the album's width and height, 0..1, from its start corner. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface AlbumLayout {
  /** Width divided by height of the whole. */
  readonly aspect: number;
  readonly tiles: readonly AlbumTile[];
}

/** Tiles a row, by number of pictures. */
const ROWS: Readonly<Record<number, readonly number[]>> = {
  2: [2], 3: [1, 2], 4: [2, 2], 5: [2, 3], 6: [3, 3], 7: [2, 2, 3], 8: [2, 3, 3], 9: [3, 3, 3], 10: [2, 4, 4],
};
const ASPECT_MIN = 0.5;
const ASPECT_MAX = 2.4;

/** Rows of equal width whose pictures keep their proportions as far as a tidy rectangle lets them; undefined unless there are 2 to 10. */
export function layoutAlbum(aspects: readonly number[]): AlbumLayout | undefined {
  if (aspects.length < ALBUM_ITEMS_MIN || aspects.length > ALBUM_ITEMS_MAX) return undefined;
  const bounded = aspects.map((aspect) => (Number.isFinite(aspect) && aspect > 0 ? Math.max(ASPECT_MIN, Math.min(ASPECT_MAX, aspect)) : 1));
  // Two wide pictures stand one above the other; beside each other they would be strips.
  const isStack = bounded.length === 2 && bounded.every((aspect) => aspect > 1.6);
  const counts = isStack ? [1, 1] : (ROWS[bounded.length] ?? []);
  const rows: number[][] = [];
  for (let start = 0, index = 0; index < counts.length; start += counts[index] ?? 0, index++) rows.push(bounded.slice(start, start + (counts[index] ?? 0)));
  const heights = rows.map((row) => 1 / row.reduce((sum, aspect) => sum + aspect, 0));
  const height = heights.reduce((sum, part) => sum + part, 0);
  // A whole that is too tall is squeezed: the pictures are cut a little (object-fit: cover).
  const aspect = Math.max(0.8, Math.min(2.2, 1 / height));
  const tiles: AlbumTile[] = [];
  let y = 0;
  rows.forEach((row, index) => {
    const share = (heights[index] ?? 0) / height;
    const sum = row.reduce((total, one) => total + one, 0);
    let x = 0;
    for (const one of row) {
      tiles.push({ x, y, width: one / sum, height: share });
      x += one / sum;
    }
    y += share;
  });
  return { aspect, tiles };
}
