import { useEffect, useRef, useState, type PointerEvent } from "react";
import { keepInside, UNZOOMED, zoomAt, type Zoom } from "./viewer_zoom";
import css from "./Viewer.module.css";

const SWIPE_PX = 70;

export interface ZoomablePictureProps {
  readonly url: string;
  readonly label: string;
  /** Swiped along the line of text: 1 forward, -1 back. */
  readonly onSwipe: (step: 1 | -1) => void;
  readonly onSwipeDown: () => void;
  /** Changed by the buttons and keys of the viewer: each new object is applied once. */
  readonly command: { readonly factor: number } | undefined;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** Wheel, pinch and double tap zoom; dragging moves a zoomed picture and swipes one that is not. */
export function ZoomablePicture({ url, label, onSwipe, onSwipeDown, command }: ZoomablePictureProps) {
  const ref = useRef<HTMLDivElement>(null);
  const fingers = useRef(new Map<number, Point>());
  const start = useRef<{ readonly point: Point; readonly at: number }>(undefined);
  const lastTap = useRef(0);
  const [zoom, setZoom] = useState<Zoom>(UNZOOMED);
  useEffect(() => setZoom(UNZOOMED), [url]);

  const size = (): { width: number; height: number } => ({ width: ref.current?.clientWidth ?? 1, height: ref.current?.clientHeight ?? 1 });
  const fromMiddle = (point: Point): Point => {
    const box = ref.current?.getBoundingClientRect();
    return box ? { x: point.x - box.left - box.width / 2, y: point.y - box.top - box.height / 2 } : { x: 0, y: 0 };
  };
  const scaleBy = (factor: number, point: Point): void => setZoom((old) => zoomAt(old, factor, point, size().width, size().height));

  useEffect(() => {
    if (command) scaleBy(command.factor, { x: 0, y: 0 });
  }, [command]);
  useEffect(() => {
    // React's wheel listener is passive: it could not keep the page from zooming.
    const element = ref.current;
    const onWheel = (event: WheelEvent): void => {
      event.preventDefault();
      scaleBy(Math.exp(-event.deltaY / 300), fromMiddle({ x: event.clientX, y: event.clientY }));
    };
    element?.addEventListener("wheel", onWheel, { passive: false });
    return () => element?.removeEventListener("wheel", onWheel);
  }, []);

  const onPointerDown = (event: PointerEvent): void => {
    ref.current?.setPointerCapture(event.pointerId);
    fingers.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
    start.current = fingers.current.size === 1 ? { point: { x: event.clientX, y: event.clientY }, at: event.timeStamp } : undefined;
  };
  const onPointerMove = (event: PointerEvent): void => {
    const old = fingers.current.get(event.pointerId);
    if (!old) return;
    const next = { x: event.clientX, y: event.clientY };
    const other = [...fingers.current].find(([id]) => id !== event.pointerId)?.[1];
    fingers.current.set(event.pointerId, next);
    if (other) {
      const before = Math.hypot(old.x - other.x, old.y - other.y);
      const after = Math.hypot(next.x - other.x, next.y - other.y);
      scaleBy(after / Math.max(1, before), fromMiddle({ x: (next.x + other.x) / 2, y: (next.y + other.y) / 2 }));
    } else setZoom((z) => keepInside({ ...z, x: z.x + next.x - old.x, y: z.y + next.y - old.y }, size().width, size().height));
  };
  const onPointerUp = (event: PointerEvent): void => {
    fingers.current.delete(event.pointerId);
    const began = start.current;
    start.current = undefined;
    if (!began || event.type === "pointercancel") return;
    const [dx, dy] = [event.clientX - began.point.x, event.clientY - began.point.y];
    if (Math.hypot(dx, dy) < 8) tap(event);
    else if (zoom.scale === 1) swipe(dx, dy);
  };
  const tap = (event: PointerEvent): void => {
    const isDouble = event.timeStamp - lastTap.current < 320;
    lastTap.current = isDouble ? 0 : event.timeStamp;
    if (isDouble) scaleBy(zoom.scale > 1 ? 0 : 2.5, fromMiddle({ x: event.clientX, y: event.clientY }));
  };
  const swipe = (dx: number, dy: number): void => {
    if (dy > SWIPE_PX * 1.5 && dy > Math.abs(dx)) return onSwipeDown();
    if (Math.abs(dx) < SWIPE_PX || Math.abs(dx) < Math.abs(dy)) return;
    const isRtl = ref.current !== null && getComputedStyle(ref.current).direction === "rtl";
    onSwipe(dx < 0 === isRtl ? -1 : 1);
  };

  return (
    <div ref={ref} className={css.stage} onPointerDown={onPointerDown} onPointerMove={onPointerMove} onPointerUp={onPointerUp} onPointerCancel={onPointerUp}>
      <img src={url} alt={label} draggable={false} className={css.picture} style={{ transform: `translate(${zoom.x}px, ${zoom.y}px) scale(${zoom.scale})`, cursor: zoom.scale > 1 ? "grab" : "zoom-in" }} />
    </div>
  );
}
