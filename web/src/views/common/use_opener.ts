import { useCallback, useState } from "react";

/**
 * For dialogs that are there only while they are open: Radix gives the focus back to a trigger alone, and they have none.
 * The result is the content's `onCloseAutoFocus`. Who has gone elsewhere by what the dialog did, into a new chat for example,
 * goes on there.
 */
export function useOpener(): (event: Event) => void {
  const [opened] = useState(() => ({ by: document.activeElement, at: location.hash }));
  return useCallback((event: Event) => {
    event.preventDefault();
    if (opened.by instanceof HTMLElement && opened.by.isConnected && opened.at === location.hash) opened.by.focus({ preventScroll: true });
  }, [opened]);
}
