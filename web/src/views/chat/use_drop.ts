import { useState, type DragEvent } from "react";

/** Files dragged from outside onto an element. */
export function useDrop(allowed: boolean, onFiles: (files: readonly File[]) => void) {
  const [dropping, setDropping] = useState(false);
  return {
    dropping,
    onDragOver(event: DragEvent) {
      if (!allowed || !event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      setDropping(true);
    },
    onDragLeave(event: DragEvent) {
      if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setDropping(false);
    },
    onDrop(event: DragEvent) {
      event.preventDefault();
      setDropping(false);
      if (allowed) onFiles([...event.dataTransfer.files]);
    },
  };
}
