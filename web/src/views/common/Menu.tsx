import { useRef, useState, type PointerEvent, type ReactNode } from "react";
import { ContextMenu as RadixContext, DropdownMenu as RadixDropdown } from "radix-ui";
import { Check, ChevronRight, type LucideIcon } from "lucide-react";
import { classNames } from "./class_names";
import { layersElement } from "./layers";
import { noteMenuOpens } from "./use_opener";
import css from "./Menu.module.css";

export type MenuEntry =
  | {
      readonly key: string;
      readonly label: string;
      readonly icon?: LucideIcon;
      readonly mirrored?: boolean;
      readonly danger?: boolean;
      readonly disabled?: boolean;
      readonly checked?: boolean;
      readonly hint?: string;
      readonly onSelect: () => void;
    }
  | { readonly key: string; readonly label: string; readonly icon?: LucideIcon; readonly entries: readonly MenuEntry[] }
  | { readonly key: string; readonly separator: true };

const opening_ms = 350;

type Parts = typeof RadixContext | typeof RadixDropdown;

function Entries({ parts, entries }: { readonly parts: Parts; readonly entries: readonly MenuEntry[] }) {
  // Both menus have the same parts with the same properties; TypeScript cannot call a union of components.
  const Part = parts as typeof RadixDropdown;
  return entries.map((entry) => {
    if ("separator" in entry) return <Part.Separator key={entry.key} className={css.separator} />;
    if ("entries" in entry) return (
      <Part.Sub key={entry.key}>
        <Part.SubTrigger className={css.entry}>
          {entry.icon ? <entry.icon size={18} aria-hidden="true" /> : <span className={css.noIcon} />}
          <span className={css.label}>{entry.label}</span>
          <ChevronRight size={16} aria-hidden="true" className="mirrored" />
        </Part.SubTrigger>
        <Part.Portal container={layersElement()}>
          <Part.SubContent className={css.menu} collisionPadding={8}><Entries parts={parts} entries={entry.entries} /></Part.SubContent>
        </Part.Portal>
      </Part.Sub>
    );
    const inside = <>
      {entry.icon ? <entry.icon size={18} aria-hidden="true" className={entry.mirrored ? "mirrored" : undefined} /> : entry.checked === undefined && <span className={css.noIcon} />}
      {entry.checked !== undefined && !entry.icon && <span className={css.noIcon}>{entry.checked && <Check size={18} aria-hidden="true" />}</span>}
      <span className={css.label}>{entry.label}</span>
      {entry.hint && <kbd className={css.hint}>{entry.hint}</kbd>}
    </>;
    const className = classNames(css.entry, entry.danger && css.danger);
    if (entry.checked !== undefined) return (
      <Part.CheckboxItem key={entry.key} className={className} checked={entry.checked} disabled={entry.disabled} onSelect={entry.onSelect}>{inside}</Part.CheckboxItem>
    );
    return <Part.Item key={entry.key} className={className} disabled={entry.disabled} onSelect={entry.onSelect}>{inside}</Part.Item>;
  });
}

/** Where a menu comes up under the pointer, letting go of the button that opened it chooses nothing. */
function useOpening(onOpenChange: ((open: boolean) => void) | undefined) {
  // Drawn anew when it opens: the place for menus may not have been there when its trigger was first drawn.
  const [, setOpen] = useState(false);
  const openedAt = useRef(0);
  return {
    changeOpen: (open: boolean) => {
      if (open) noteMenuOpens();
      openedAt.current = performance.now();
      setOpen(open);
      onOpenChange?.(open);
    },
    onPointerUpCapture: (event: PointerEvent) => { if (performance.now() - openedAt.current < opening_ms) event.stopPropagation(); },
  };
}

export interface MenuProps {
  /** What opens it: one element that takes a ref, an IconButton for example. */
  readonly trigger: ReactNode;
  readonly entries: readonly MenuEntry[];
  readonly align?: "start" | "end";
  readonly top?: ReactNode;
  readonly onOpenChange?: (open: boolean) => void;
}

export function Menu({ trigger, entries, align = "end", top, onOpenChange }: MenuProps) {
  const { changeOpen, onPointerUpCapture } = useOpening(onOpenChange);
  return (
    <RadixDropdown.Root modal={false} onOpenChange={changeOpen}>
      <RadixDropdown.Trigger asChild>{trigger}</RadixDropdown.Trigger>
      <RadixDropdown.Portal container={layersElement()}>
        <RadixDropdown.Content className={css.menu} align={align} sideOffset={4} collisionPadding={8} loop onPointerUpCapture={onPointerUpCapture}>
          {top}
          <Entries parts={RadixDropdown} entries={entries} />
        </RadixDropdown.Content>
      </RadixDropdown.Portal>
    </RadixDropdown.Root>
  );
}

export interface ContextMenuProps {
  readonly children: ReactNode;
  readonly entries: () => readonly MenuEntry[];
  readonly top?: ReactNode;
  readonly disabled?: boolean;
  readonly onOpenChange?: (open: boolean) => void;
}

/** Right click, long press, the menu key or Shift+F10 on its child. Entries are made when it opens. */
export function ContextMenu({ children, entries, top, disabled, onOpenChange }: ContextMenuProps) {
  const { changeOpen, onPointerUpCapture } = useOpening(onOpenChange);
  return (
    <RadixContext.Root modal={false} onOpenChange={changeOpen}>
      <RadixContext.Trigger asChild disabled={disabled}>{children}</RadixContext.Trigger>
      <RadixContext.Portal container={layersElement()}>
        <RadixContext.Content className={css.menu} collisionPadding={8} loop onPointerUpCapture={onPointerUpCapture}>
          {top}
          <LazyEntries entries={entries} />
        </RadixContext.Content>
      </RadixContext.Portal>
    </RadixContext.Root>
  );
}

function LazyEntries({ entries }: { readonly entries: () => readonly MenuEntry[] }) {
  return <Entries parts={RadixContext} entries={entries()} />;
}
