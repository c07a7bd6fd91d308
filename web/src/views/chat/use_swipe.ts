import { useRef, type PointerEvent } from "react";

const reach_px = 56;
const drift_px_max = 24;

/** Swiping a message towards the inside answers it. Moves the element itself, without drawing React again. */
export function useSwipe(onSwipe: () => void) {
  const start = useRef<{ readonly x: number; readonly y: number; readonly id: number } | null>(null);
  const end = (event: PointerEvent<HTMLElement>) => {
    event.currentTarget.style.transform = "";
    start.current = null;
  };
  const inward = (event: PointerEvent<HTMLElement>): number => {
    const moved = event.clientX - (start.current?.x ?? event.clientX);
    return getComputedStyle(event.currentTarget).direction === "rtl" ? -moved : moved;
  };
  return {
    onPointerDown(event: PointerEvent<HTMLElement>) {
      if (event.pointerType === "touch") start.current = { x: event.clientX, y: event.clientY, id: event.pointerId };
    },
    onPointerMove(event: PointerEvent<HTMLElement>) {
      if (!start.current || event.pointerId !== start.current.id) return;
      if (Math.abs(event.clientY - start.current.y) > drift_px_max) { end(event); return; }
      const moved = Math.max(0, Math.min(inward(event), reach_px * 1.4));
      const rtl = getComputedStyle(event.currentTarget).direction === "rtl";
      event.currentTarget.style.transform = moved > 8 ? `translateX(${rtl ? -moved : moved}px)` : "";
    },
    onPointerUp(event: PointerEvent<HTMLElement>) {
      const far = start.current !== null && inward(event) >= reach_px;
      end(event);
      if (far) onSwipe();
    },
    onPointerCancel: end,
    style: { touchAction: "pan-y" },
  } as const;
}
