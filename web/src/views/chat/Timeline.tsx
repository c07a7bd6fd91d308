import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useCallback, useEffect, useImperativeHandle, useLayoutEffect, useRef, useState, type KeyboardEvent, type Ref } from "react";
import { ArrowDown } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Chat } from "@/domain/engine";
import type { Message } from "@/domain/message";
import { useReadable } from "../use_readable";
import { ContextMenu } from "../common/Menu";
import { useFormats } from "../common/locale";
import { Waiting } from "../common/Waiting";
import { useChatActions } from "./chat_actions";
import { buildMessageMenu, maySpeakOf } from "./message_menu";
import { QuickReactions } from "./QuickReactions";
import { TimelineItemView } from "./TimelineItemView";
import { estimateHeight, findEvent } from "./timeline_lookup";
import { useArrivals } from "./use_arrivals";
import css from "./Timeline.module.css";

export interface TimelineHandle {
  jump(eventId: string): void;
  jumpToTime(at: number): void;
  jumpToEnd(): void;
  focusLast(): void;
}

export interface TimelineProps {
  readonly chat: Chat;
  readonly many: boolean;
  readonly maySend: boolean;
  readonly selection: ReadonlySet<string> | null;
  readonly ref?: Ref<TimelineHandle>;
}

const end_px = 120;
const load_ahead_items = 12;

export const Timeline = memo(function Timeline({ chat, many, maySend, selection, ref }: TimelineProps) {
  const { t } = useTranslation();
  const formats = useFormats();
  const actions = useChatActions();
  const timeline = useReadable(chat.timeline);
  const { items } = timeline;
  const scroller = useRef<HTMLDivElement>(null);
  const [highlighted, setHighlighted] = useState<string>();
  const [focused, setFocused] = useState<string>();
  const [wanted, setWanted] = useState<{ readonly eventId?: string; readonly time?: number } | null>(null);
  const stuck = useRef(false);
  const stuckAt = useRef(0);
  const target = useRef<{ message: Message; element: Element } | null>(null);

  const virtualizer = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: (at) => estimateHeight(items[at]),
    getItemKey: useCallback((at: number) => items[at]?.key ?? at, [items]),
    overscan: 6,
    anchorTo: "end",
    followOnAppend: true,
    scrollEndThreshold: end_px,
    paddingStart: 8,
    paddingEnd: 12,
  });

  const { atEnd, missed, clearMissed, noteScroll } = useArrivals(chat, items, timeline.hasAfter, () => virtualizer.isAtEnd(end_px));

  // Opens at the first unread message, or at the newest.
  useLayoutEffect(() => {
    const unread = items.findLastIndex((item) => item.type === "unread");
    if (unread >= 0) virtualizer.scrollToIndex(unread, { align: "center" });
    stuck.current = unread < 0;
  }, [virtualizer]);

  // As long as one stands at the end one stays there, whatever is measured, loaded or typed meanwhile.
  const totalSize = virtualizer.getTotalSize();
  const height = virtualizer.scrollRect?.height;
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!stuck.current || !element) return;
    // The virtualizer may draw before our own scroll handler runs: somebody who just scrolled up is not pulled back.
    if (element.scrollTop < stuckAt.current - 2 && element.scrollHeight - element.scrollTop - element.clientHeight > end_px) {
      stuck.current = false;
      return;
    }
    virtualizer.scrollToEnd();
    stuckAt.current = element.scrollTop;
  }, [virtualizer, totalSize, height]);

  const visible = virtualizer.getVirtualItems();
  const firstVisible = visible[0]?.index ?? 0;
  const lastVisible = visible[visible.length - 1]?.index ?? 0;
  useEffect(() => {
    if (timeline.loading !== "no" || timeline.failure) return;
    if (timeline.hasBefore && firstVisible < load_ahead_items) void chat.loadBefore().catch(() => undefined);
    else if (timeline.hasAfter && lastVisible > items.length - load_ahead_items) void chat.loadAfter().catch(() => undefined);
  }, [chat, timeline, firstVisible, lastVisible, items.length]);

  const show = useCallback((at: number) => {
    stuck.current = false;
    virtualizer.scrollToIndex(at, { align: "center" });
    setHighlighted(items[at]?.key);
    setTimeout(() => setHighlighted(undefined), 2_000);
  }, [virtualizer, items]);

  // What was jumped to may have to be loaded first: shown as soon as it is among the items.
  useEffect(() => {
    if (!wanted) return;
    const at = wanted.eventId !== undefined ? findEvent(items, wanted.eventId) : items.findIndex((item) => item.type === "message" && item.message.sentAt >= wanted.time!);
    if (at < 0) return;
    setWanted(null);
    show(at);
  }, [wanted, items, show]);

  const jumpToEnd = useCallback(() => {
    if (chat.timeline.get().hasAfter) chat.jumpToLive();
    clearMissed();
    stuck.current = true;
    virtualizer.scrollToEnd({ behavior: "auto" });
  }, [chat, virtualizer, clearMissed]);

  const focusKey = useCallback((at: number) => {
    const key = items[at]?.key;
    if (key === undefined) return;
    setFocused(key);
    virtualizer.scrollToIndex(at, { align: "auto" });
    requestAnimationFrame(() => scroller.current?.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`)?.focus());
  }, [items, virtualizer]);

  useImperativeHandle(ref, () => ({
    jump(eventId) {
      const at = findEvent(items, eventId);
      if (at >= 0) { show(at); return; }
      setWanted({ eventId });
      void chat.jumpTo({ eventId }).catch(() => setWanted(null));
    },
    jumpToTime(time) {
      setWanted({ time });
      void chat.jumpTo({ time }).catch(() => setWanted(null));
    },
    jumpToEnd,
    focusLast: () => focusKey(items.length - 1),
  }), [chat, items, show, jumpToEnd, focusKey]);

  const messageOf = (element: EventTarget | null): { message: Message; element: Element } | null => {
    const row = (element as Element | null)?.closest?.("[data-key]");
    const key = row?.getAttribute("data-key");
    const item = key == null ? undefined : chat.timeline.get().items.findLast((each) => each.key === key);
    return row && item?.type === "message" ? { message: item.message, element: row } : null;
  };

  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    const row = (event.target as Element).closest("[data-key]");
    if (!row || event.altKey || event.ctrlKey || event.metaKey) return;
    const own = event.target === row;
    const at = items.findLastIndex((item) => item.key === row.getAttribute("data-key"));
    const found = messageOf(row)?.message;
    if (event.key === "ArrowUp" && own) focusKey(Math.max(0, at - 1));
    else if (event.key === "ArrowDown" && own) focusKey(Math.min(items.length - 1, at + 1));
    else if (event.key === "Home" && own) focusKey(0);
    else if (event.key === "End" && own) focusKey(items.length - 1);
    else if (own && event.key === "Enter" && found) {
      const box = row.getBoundingClientRect();
      row.dispatchEvent(new MouseEvent("contextmenu", { bubbles: true, cancelable: true, clientX: box.left + box.width / 2, clientY: box.top + 24 }));
    } else if (own && found && event.key === "r" && maySpeakOf(found)) actions.reply(found);
    else if (own && found && event.key === "e" && found.isOwn && found.body.kind === "text") actions.edit(found);
    else if (own && found && event.key === "Delete") actions.askDelete([found]);
    else return;
    event.preventDefault();
  };

  const rovingKey = focused !== undefined && visible.some((each) => each.key === focused) ? focused : items[lastVisible]?.key;

  if (timeline.failure) return <div className={css.failure} role="alert">{t("chat.cannot_show", { reason: timeline.failure })}</div>;
  return (
    <div className={css.frame}>
      {timeline.loading === "before" && <div className={css.loading}><Waiting inline sentence={t("chat.loading_before")} /></div>}
      <ContextMenu
        entries={() => (target.current ? buildMessageMenu(target.current.message, actions, t, maySend, () => target.current!.element) : [])}
        top={<QuickReactions target={() => target.current?.message} />}
        disabled={selection !== null}
      >
        <div
          ref={scroller}
          className={css.scroller}
          onScroll={() => { stuck.current = noteScroll(); }}
          onKeyDown={onKeyDown}
          onContextMenuCapture={(event) => {
            target.current = messageOf(event.target);
            if (!target.current || (event.target as Element).closest("a[href], input, textarea")) event.stopPropagation();
          }}
          onPointerDownCapture={(event) => { if (event.pointerType === "touch") target.current = messageOf(event.target); }}
        >
          {items.length === 0 && timeline.loading === "no" && <p className={css.empty}>{t("chat.nothing_yet")}</p>}
          <div role="list" aria-label={t("chat.messages")} className={css.list} style={{ blockSize: totalSize }}>
            {visible.map((each) => {
              const item = items[each.index];
              if (!item) return null;
              return (
                <div
                  key={each.key}
                  ref={virtualizer.measureElement}
                  data-index={each.index}
                  data-key={item.key}
                  role="listitem"
                  tabIndex={item.key === rovingKey ? 0 : -1}
                  onFocus={(event) => { if (event.target === event.currentTarget) setFocused(item.key); }}
                  className={css.item}
                  style={{ transform: `translateY(${each.start}px)` }}
                >
                  <TimelineItemView item={item} many={many} highlighted={highlighted === item.key} selected={selection && item.type === "message" ? selection.has(item.message.id) : undefined} />
                </div>
              );
            })}
          </div>
        </div>
      </ContextMenu>
      {(!atEnd || timeline.hasAfter) && (
        <button type="button" className={css.down} onClick={jumpToEnd} aria-label={missed ? t("chat.jump_to_end_new", { count: missed }) : t("chat.jump_to_end")}>
          {missed > 0 && <span className={css.missed}>{formats.number(missed)}</span>}
          <ArrowDown size={22} aria-hidden="true" />
        </button>
      )}
    </div>
  );
});
