import { useEffect, useState } from "react";

export type ShortcutDialog = "switcher" | "keys" | null;

function isWriting(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select"));
}

/** The shortcuts of the whole window, wherever the focus is; not while a dialog is open, which has keys of its own. */
export function useShortcuts(): readonly [ShortcutDialog, (dialog: ShortcutDialog) => void] {
  const [dialog, setDialog] = useState<ShortcutDialog>(null);
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.defaultPrevented || document.querySelector("[role=dialog]")) return;
      // By its place where the keyboard has other letters.
      const isK = event.key.toLowerCase() === "k" || event.code === "KeyK";
      if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && isK) setDialog("switcher");
      else if ((event.key === "?" || event.key === "؟") && !event.ctrlKey && !event.metaKey && !isWriting(event.target)) setDialog("keys");
      else return;
      event.preventDefault();
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, []);
  return [dialog, setDialog];
}
