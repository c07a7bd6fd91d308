import type { NoticeItem, TimelineItem } from "./engine";
import { mergeAlbums } from "./media/album";

/** Changes of who is in the chat: runs of them are one line. */
const MEMBERSHIP_KEYS: ReadonlySet<string> = new Set(["notice.created", "notice.joined", "notice.left", "notice.invited", "notice.declined", "notice.inviteWithdrawn", "notice.knocked", "notice.knockWithdrawn", "notice.knockRefused", "notice.removed", "notice.banned", "notice.unbanned"]);
/** In a chat of two these say nothing while both are there. */
const MAKING_KEYS: ReadonlySet<string> = new Set(["notice.created", "notice.joined", "notice.invited"]);
const GOING_KEYS: ReadonlySet<string> = new Set(["notice.left", "notice.declined", "notice.removed", "notice.banned", "notice.inviteWithdrawn"]);
const RUN_MIN = 2;
const NAMES_MAX = 3;

/** What stands in the timeline: in a chat of two without the steps of its making, elsewhere with runs of joining and leaving in one line each. */
export function buildShownItems(loaded: readonly TimelineItem[], isDirect: boolean): readonly TimelineItem[] {
  const items = mergeAlbums(loaded);
  if (!items.some((item) => item.type === "notice")) return items;
  return isDirect ? withoutMaking(items) : withRuns(items);
}

function withoutMaking(items: readonly TimelineItem[]): readonly TimelineItem[] {
  let somebodyWent = false;
  return withoutBareDates(items.filter((item) => {
    if (item.type !== "notice") return true;
    if (GOING_KEYS.has(item.textKey)) somebodyWent = true;
    return somebodyWent || !MAKING_KEYS.has(item.textKey);
  }));
}

/** A day on which nothing is left to be shown has no date either. */
function withoutBareDates(items: readonly TimelineItem[]): readonly TimelineItem[] {
  return items.filter((item, at) => item.type !== "date" || (items[at + 1] !== undefined && items[at + 1]!.type !== "date"));
}

function withRuns(items: readonly TimelineItem[]): readonly TimelineItem[] {
  const shown: TimelineItem[] = [];
  let run: NoticeItem[] = [];
  const close = () => {
    // Who makes a chat is in it: that they joined is no news.
    const told = run.filter((item, at) => !(item.textKey === "notice.joined" && run[at - 1]?.textKey === "notice.created" && run[at - 1]!.values["who"] === item.values["who"]));
    if (told.length >= RUN_MIN) shown.push({ type: "notices", key: `run ${told[0]!.key}`, notices: told });
    else shown.push(...told);
    run = [];
  };
  for (const item of items) {
    if (item.type === "notice" && MEMBERSHIP_KEYS.has(item.textKey)) {
      run.push(item);
      continue;
    }
    close();
    shown.push(item);
  }
  close();
  return shown;
}

/** One clause of a run's sentence: a text with a list of names, or with how many they are. */
export type NoticeClause =
  | { readonly textKey: string; readonly values: Readonly<Record<string, readonly string[]>> }
  | { readonly textKey: string; readonly count: number };

/** "Anna, Badr and Carla joined", "12 people left": what happened in a run, each thing once, in the order of its first time. */
export function summarizeNotices(notices: readonly NoticeItem[]): readonly NoticeClause[] {
  const groups = new Map<string, { readonly textKey: string; readonly who: Set<string>; readonly whom: Set<string> }>();
  for (const { textKey, values } of notices) {
    const aboutOthers = values["whom"] !== undefined && textKey !== "notice.declined" && textKey !== "notice.knocked" && textKey !== "notice.knockWithdrawn";
    const name = aboutOthers ? `${textKey} ${values["who"] ?? ""}` : textKey;
    const group = groups.get(name) ?? { textKey, who: new Set(), whom: new Set() };
    group.who.add(values["who"] ?? "");
    if (aboutOthers) group.whom.add(values["whom"]!);
    groups.set(name, group);
  }
  return [...groups.values()].map(({ textKey, who, whom }) => {
    const count = Math.max(who.size, whom.size);
    if (count > NAMES_MAX) return { textKey: `${textKey}_count`, count };
    return { textKey, values: { who: [...who], ...(whom.size === 0 ? {} : { whom: [...whom] }) } };
  });
}
