export interface Zoom {
  readonly scale: number;
  /** Pixels of the square on the screen, from its middle. */
  readonly x: number;
  readonly y: number;
}

export const UNZOOMED: Zoom = { scale: 1, x: 0, y: 0 };
export const SCALE_MAX = 5;

/** At scale 1 the picture's shorter side fills the square of `side` pixels; the square is never left empty. */
export function keepInside(zoom: Zoom, aspect: number, side: number): Zoom {
  const x = Math.max(0, (side * Math.max(1, aspect) * zoom.scale - side) / 2);
  const y = Math.max(0, (side * Math.max(1, 1 / aspect) * zoom.scale - side) / 2);
  return { scale: zoom.scale, x: Math.max(-x, Math.min(x, zoom.x)), y: Math.max(-y, Math.min(y, zoom.y)) };
}

export function zoomAt(zoom: Zoom, wanted: number, aspect: number, side: number): Zoom {
  const scale = Math.max(1, Math.min(SCALE_MAX, wanted));
  const ratio = scale / zoom.scale;
  return keepInside({ scale, x: zoom.x * ratio, y: zoom.y * ratio }, aspect, side);
}
