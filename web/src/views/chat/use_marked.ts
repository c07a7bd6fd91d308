import { useEffect, useState, type RefObject } from "react";

/** Whether words are marked in the field that has the focus, by mouse, finger or key. */
export function useMarked(field: RefObject<HTMLTextAreaElement | null>): boolean {
  const [marked, setMarked] = useState(false);
  useEffect(() => {
    const look = () => {
      const element = field.current;
      setMarked(element !== null && document.activeElement === element && element.selectionStart !== element.selectionEnd);
    };
    document.addEventListener("selectionchange", look);
    document.addEventListener("focusout", look);
    return () => {
      document.removeEventListener("selectionchange", look);
      document.removeEventListener("focusout", look);
    };
  }, [field]);
  return marked;
}
