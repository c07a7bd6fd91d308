import { useCallback, useState } from "react";

/**
 * For dialogs that are there only while they are open: Radix gives the focus back to a trigger alone, and they have none.
 * The result is the content's `onCloseAutoFocus`.
 */
export function useOpener(): (event: Event) => void {
  const [opener] = useState(() => document.activeElement);
  return useCallback((event: Event) => {
    event.preventDefault();
    if (opener instanceof HTMLElement && opener.isConnected) opener.focus({ preventScroll: true });
  }, [opener]);
}
