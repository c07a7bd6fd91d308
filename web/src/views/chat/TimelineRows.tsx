import type { VirtualItem, Virtualizer } from "@tanstack/react-virtual";
import { useTranslation } from "react-i18next";
import type { TimelineItem } from "@/domain/engine";
import { TimelineItemView } from "./TimelineItemView";
import css from "./Timeline.module.css";

export interface TimelineRowsProps {
  readonly items: readonly TimelineItem[];
  readonly visible: readonly VirtualItem[];
  readonly virtualizer: Virtualizer<HTMLDivElement, Element>;
  readonly totalSize: number;
  readonly many: boolean;
  readonly highlighted: string | undefined;
  /** The row that Tab reaches. */
  readonly rovingKey: string | undefined;
  readonly selection: ReadonlySet<string> | null;
  readonly onFocus: (key: string) => void;
}

export function TimelineRows({ items, visible, virtualizer, totalSize, many, highlighted, rovingKey, selection, onFocus }: TimelineRowsProps) {
  const { t } = useTranslation();
  return (
    <div role="list" aria-label={t("chat.messages")} className={css.list} style={{ blockSize: totalSize }}>
      {visible.map((each) => {
        const item = items[each.index];
        if (!item) return null;
        return (
          // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- rows take the focus one by one, by arrow keys
          <div
            key={each.key}
            ref={virtualizer.measureElement}
            data-index={each.index}
            data-key={item.key}
            role="listitem"
            tabIndex={item.key === rovingKey ? 0 : -1} // oxlint-disable-line jsx-a11y/no-noninteractive-tabindex -- as above
            onFocus={(event) => { if (event.target === event.currentTarget) onFocus(item.key); }}
            className={css.item}
            style={{ transform: `translateY(${each.start}px)` }}
          >
            <TimelineItemView item={item} many={many} highlighted={highlighted === item.key} selected={selection && item.type === "message" ? selection.has(item.message.id) : undefined} />
          </div>
        );
      })}
    </div>
  );
}
