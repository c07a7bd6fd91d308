import { memo, useCallback, useImperativeHandle, useMemo, useRef, type Ref } from "react";
import { ArrowDown } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Chat } from "@/domain/engine";
import { buildShownItems } from "@/domain/shown_items";
import { useReadable } from "../use_readable";
import { Button } from "../common/Button";
import { ContextMenu } from "../common/Menu";
import { useFormats } from "../common/locale";
import { Waiting } from "../common/Waiting";
import { useChatActions } from "./chat_actions";
import { buildMessageMenu } from "./message_menu";
import { QuickReactions } from "./QuickReactions";
import { TimelineRows } from "./TimelineRows";
import { findMessage, useTimelineKeys, type Pointed } from "./use_timeline_keys";
import { useTimelineScroll } from "./use_timeline_scroll";
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

export const Timeline = memo(function Timeline({ chat, many, maySend, selection, ref }: TimelineProps) {
  const { t } = useTranslation();
  const actions = useChatActions();
  const loaded = useReadable(chat.timeline);
  const timeline = useMemo(() => ({ ...loaded, items: buildShownItems(loaded.items, !many) }), [loaded, many]);
  const { items } = timeline;
  const target = useRef<Pointed | null>(null);
  const { scroller, virtualizer, visible, totalSize, atEnd, missed, jumpToEnd, onScroll, highlighted, jump, jumpToTime } = useTimelineScroll(chat, timeline);
  const reveal = useCallback((at: number) => virtualizer.scrollToIndex(at, { align: "auto" }), [virtualizer]);
  const { focused, setFocused, focusAt, onKeyDown } = useTimelineKeys(items, scroller, actions, reveal);
  useImperativeHandle(ref, () => ({ jump, jumpToTime, jumpToEnd, focusLast: () => focusAt(items.length - 1) }), [jump, jumpToTime, jumpToEnd, focusAt, items.length]);

  const point = (event: React.SyntheticEvent) => { target.current = findMessage(items, event.target); };
  const rovingKey = focused !== undefined && visible.some((each) => each.key === focused) ? focused : items[visible[visible.length - 1]?.index ?? -1]?.key;
  const entries = () => (target.current ? buildMessageMenu(target.current.message, actions, t, maySend, () => target.current!.element) : []);

  if (timeline.failure) return (
    <div className={css.failure} role="alert">
      <p>{t("chat.cannot_show", { reason: timeline.failure })}</p>
      <Button onClick={() => chat.jumpToLive()}>{t("chat.show_again")}</Button>
    </div>
  );
  return (
    <div className={css.frame}>
      {timeline.loading === "before" && <div className={css.loading}><Waiting inline sentence={t("chat.loading_before")} /></div>}
      <ContextMenu entries={entries} top={<QuickReactions target={() => target.current?.message} />} disabled={selection !== null}>
        {/* oxlint-disable-next-line jsx-a11y/no-static-element-interactions -- one handler for all rows within */}
        <div
          ref={scroller}
          className={css.scroller}
          onScroll={onScroll}
          onKeyDown={onKeyDown}
          onContextMenuCapture={(event) => {
            point(event);
            if (!target.current || (event.target as Element).closest("a[href], input, textarea")) event.stopPropagation();
          }}
          onPointerDownCapture={(event) => { if (event.pointerType === "touch") point(event); }}
        >
          {items.length === 0 && timeline.loading === "no" && <p className={css.empty}>{t("chat.nothing_yet")}</p>}
          <TimelineRows items={items} visible={visible} virtualizer={virtualizer} totalSize={totalSize} many={many} highlighted={highlighted} rovingKey={rovingKey} selection={selection} onFocus={setFocused} />
        </div>
      </ContextMenu>
      {!atEnd && <DownButton missed={missed} onClick={jumpToEnd} />}
    </div>
  );
});

function DownButton({ missed, onClick }: { readonly missed: number; readonly onClick: () => void }) {
  const { t } = useTranslation();
  const formats = useFormats();
  return (
    <button type="button" className={css.down} onClick={onClick} aria-label={missed ? t("chat.jump_to_end_new", { count: missed }) : t("chat.jump_to_end")}>
      {missed > 0 && <span className={css.missed} data-count={formats.number(missed)} />}
      <ArrowDown size={22} aria-hidden="true" />
    </button>
  );
}
