import { createElement, Fragment, type ElementType, type ReactNode } from "react";

interface RemoveScrollProps {
  readonly as?: ElementType;
  readonly children?: ReactNode;
}

/**
 * Stands in for the package react-remove-scroll, on which Radix' dialogs and menus rely (see vite.config.ts). That one writes style
 * elements into the page, which our content policy forbids; and our page itself never scrolls, so there is nothing to hold still.
 */
export function RemoveScroll({ as, children }: RemoveScrollProps): ReactNode {
  return createElement(as ?? Fragment, null, children);
}
