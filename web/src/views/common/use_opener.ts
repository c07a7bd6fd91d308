import { useCallback, useState } from "react";

let beforeMenu: Element | null = null;

/** A menu opens: what had the focus then gets it back from the dialog that one of its entries opens, for the entry is gone by then. */
export function noteMenuOpens(): void {
  beforeMenu = document.activeElement;
}

function findOpener(): Element | null {
  const active = document.activeElement;
  return active?.closest("[role=menu]") ? beforeMenu : active;
}

/**
 * For dialogs that are there only while they are open: Radix gives the focus back to a trigger alone, and they have none.
 * The result is the content's `onCloseAutoFocus`. Who has gone elsewhere by what the dialog did, into a new chat for example,
 * goes on there.
 */
export function useOpener(): (event: Event) => void {
  const [opened] = useState(() => ({ by: findOpener(), at: location.hash }));
  return useCallback((event: Event) => {
    event.preventDefault();
    if (opened.by instanceof HTMLElement && opened.by.isConnected && opened.at === location.hash) opened.by.focus({ preventScroll: true });
  }, [opened]);
}
