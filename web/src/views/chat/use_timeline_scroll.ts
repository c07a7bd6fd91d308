import { elementScroll, useVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { Chat, Timeline } from "@/domain/engine";
import { estimateHeight, findEvent } from "./timeline_lookup";
import { useArrivals } from "./use_arrivals";

const end_px = 120;
const load_ahead_items = 12;
const highlighted_ms = 2_000;

function useTimelineVirtualizer(items: Timeline["items"], scroller: React.RefObject<HTMLDivElement | null>, scrollToFn: typeof elementScroll<HTMLDivElement>) {
  // oxlint-disable-next-line react/incompatible-library -- it changes inside; rows get what they show as properties
  return useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller.current,
    scrollToFn,
    estimateSize: (at) => estimateHeight(items[at]),
    getItemKey: useCallback((at: number) => items[at]?.key ?? at, [items]),
    overscan: 6,
    anchorTo: "end",
    followOnAppend: true,
    scrollEndThreshold: end_px,
    paddingStart: 8,
    paddingEnd: 12,
  });
}

type Virtualizer = ReturnType<typeof useTimelineVirtualizer>;

/** How many pixels the newest message is below the window. Asked of the page: the virtualizer hears of a scroll after we do, and remembers where it was before. */
function measureToEnd(element: HTMLElement): number {
  return element.scrollHeight - element.scrollTop - element.clientHeight;
}

/**
 * Whether one stands at the newest message, and stays there whatever is measured, loaded or typed meanwhile: only who moves up leaves it, not a list
 * that grows before it has been scrolled, and not the virtualizer that corrects where it stands. Everything it scrolls goes through `scrollToFn`.
 */
function useStuck(scroller: React.RefObject<HTMLDivElement | null>) {
  const stuck = useRef(false);
  const stuckAt = useRef(0);
  const noteLeaving = useCallback((element: HTMLElement) => {
    if (measureToEnd(element) > end_px && element.scrollTop < stuckAt.current - 2) stuck.current = false;
  }, []);
  const noteMove = useCallback(() => {
    const element = scroller.current;
    if (!element) return;
    if (measureToEnd(element) > end_px) return noteLeaving(element);
    stuck.current = true;
    stuckAt.current = element.scrollTop;
  }, [scroller, noteLeaving]);
  const scrollToFn = useCallback<typeof elementScroll<HTMLDivElement>>((offset, options, virtualizer) => {
    const element = scroller.current;
    // It may correct before our own scroll handler runs: who has just scrolled up has left the end.
    if (element && stuck.current) noteLeaving(element);
    elementScroll(offset, options, virtualizer);
    if (element && stuck.current) stuckAt.current = element.scrollTop;
  }, [scroller, noteLeaving]);
  const setStuck = useCallback((value: boolean) => {
    stuck.current = value;
    // Where one stood at the end before says nothing any more.
    stuckAt.current = 0;
  }, []);
  const isAtEnd = useCallback(() => stuck.current || (scroller.current !== null && measureToEnd(scroller.current) <= end_px), [scroller]);
  const isStuck = useCallback(() => stuck.current, []);
  return { isStuck, setStuck, noteMove, scrollToFn, isAtEnd };
}

/** Opens at the first unread message or at the newest, and follows the newest for as long as one stands there. */
function useFollowing(virtualizer: Virtualizer, items: Timeline["items"], { isStuck, setStuck, noteMove }: ReturnType<typeof useStuck>): void {
  useLayoutEffect(() => {
    const unread = items.findLastIndex((item) => item.type === "unread");
    if (unread >= 0) virtualizer.scrollToIndex(unread, { align: "center" });
    setStuck(unread < 0);
  }, [virtualizer]); // oxlint-disable-line react/exhaustive-deps -- where it opens is decided once
  const totalSize = virtualizer.getTotalSize();
  const height = virtualizer.scrollRect?.height;
  useLayoutEffect(() => {
    if (!isStuck()) return;
    // The virtualizer may draw before our own scroll handler runs: somebody who just scrolled up is not pulled back.
    noteMove();
    if (isStuck()) virtualizer.scrollToEnd();
  }, [virtualizer, isStuck, noteMove, totalSize, height]);
}

function useLoading(chat: Chat, timeline: Timeline, first: number, last: number): void {
  useEffect(() => {
    if (timeline.loading !== "no" || timeline.failure) return;
    if (timeline.hasBefore && first < load_ahead_items) void chat.loadBefore().catch(() => undefined);
    else if (timeline.hasAfter && last > timeline.items.length - load_ahead_items) void chat.loadAfter().catch(() => undefined);
  }, [chat, timeline, first, last]);
}

interface Wanted {
  readonly eventId?: string;
  readonly time?: number;
}

/** Shows an event or a day; what is not loaded is asked for, and shown as soon as it is there. */
function useJumps(chat: Chat, items: Timeline["items"], virtualizer: Virtualizer, setStuck: (stuck: boolean) => void) {
  const [highlighted, setHighlighted] = useState<string>();
  const [wanted, setWanted] = useState<Wanted | null>(null);
  const show = useCallback((at: number) => {
    setStuck(false);
    virtualizer.scrollToIndex(at, { align: "center" });
    setHighlighted(items[at]?.key);
    setTimeout(() => setHighlighted(undefined), highlighted_ms);
  }, [virtualizer, items, setStuck]);
  useEffect(() => {
    if (!wanted) return;
    const at = wanted.eventId !== undefined ? findEvent(items, wanted.eventId) : items.findIndex((item) => item.type === "message" && item.message.sentAt >= wanted.time!);
    if (at < 0) return;
    setWanted(null);
    show(at);
  }, [wanted, items, show]);
  const jump = useCallback((eventId: string) => {
    const at = findEvent(items, eventId);
    if (at >= 0) { show(at); return; }
    setWanted({ eventId });
    void chat.jumpTo({ eventId }).catch(() => setWanted(null));
  }, [chat, items, show]);
  const jumpToTime = useCallback((time: number) => {
    setWanted({ time });
    void chat.jumpTo({ time }).catch(() => setWanted(null));
  }, [chat]);
  return { highlighted, jump, jumpToTime };
}

/** Everything about where the timeline stands. */
export function useTimelineScroll(chat: Chat, timeline: Timeline) {
  const { items } = timeline;
  const scroller = useRef<HTMLDivElement>(null);
  const standing = useStuck(scroller);
  const { setStuck, noteMove, isAtEnd } = standing;
  const virtualizer = useTimelineVirtualizer(items, scroller, standing.scrollToFn);
  useFollowing(virtualizer, items, standing);
  const { atEnd, missed, clearMissed, noteScroll } = useArrivals(chat, items, timeline.hasAfter, isAtEnd);
  const visible = virtualizer.getVirtualItems();
  useLoading(chat, timeline, visible[0]?.index ?? 0, visible[visible.length - 1]?.index ?? 0);
  const jumps = useJumps(chat, items, virtualizer, setStuck);
  const jumpToEnd = useCallback(() => {
    if (chat.timeline.get().hasAfter) chat.jumpToLive();
    clearMissed();
    setStuck(true);
    virtualizer.scrollToEnd({ behavior: "auto" });
  }, [chat, virtualizer, clearMissed, setStuck]);
  const onScroll = useCallback(() => {
    noteMove();
    noteScroll();
  }, [noteMove, noteScroll]);
  return { ...jumps, scroller, virtualizer, visible, totalSize: virtualizer.getTotalSize(), atEnd: atEnd && !timeline.hasAfter, missed, jumpToEnd, onScroll };
}
