import { useRef, type PointerEvent } from "react";
import css from "./SwipeBack.module.css";

const reach_px = 70;

/** A finger drawn inwards from the edge of a phone goes back to the list. The way by key and button is the arrow in the header. */
export function SwipeBack({ onBack }: { readonly onBack: () => void }) {
  const start = useRef<{ readonly x: number; readonly y: number } | null>(null);
  const onPointerUp = (event: PointerEvent<HTMLElement>) => {
    const from = start.current;
    start.current = null;
    if (!from) return;
    const moved = getComputedStyle(event.currentTarget).direction === "rtl" ? from.x - event.clientX : event.clientX - from.x;
    if (moved >= reach_px && Math.abs(event.clientY - from.y) < moved) onBack();
  };
  return <div
    aria-hidden="true"
    className={css.edge}
    onPointerDown={(event) => {
      if (event.pointerType !== "touch") return;
      start.current = { x: event.clientX, y: event.clientY };
      event.currentTarget.setPointerCapture(event.pointerId);
    }}
    onPointerUp={onPointerUp}
    onPointerCancel={() => { start.current = null; }}
  />;
}
