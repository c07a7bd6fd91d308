export interface Zoom {
  readonly scale: number;
  /** Pixels from the middle. */
  readonly x: number;
  readonly y: number;
}

export const UNZOOMED: Zoom = { scale: 1, x: 0, y: 0 };
export const SCALE_MAX = 8;

/** Zooms so that the point (from the middle) stays under the finger; the picture never leaves its box of `width` by `height`. */
export function zoomAt(zoom: Zoom, factor: number, point: { readonly x: number; readonly y: number }, width: number, height: number): Zoom {
  const scale = Math.max(1, Math.min(SCALE_MAX, zoom.scale * factor));
  const ratio = scale / zoom.scale;
  return keepInside({ scale, x: point.x - (point.x - zoom.x) * ratio, y: point.y - (point.y - zoom.y) * ratio }, width, height);
}

export function keepInside(zoom: Zoom, width: number, height: number): Zoom {
  const x = ((zoom.scale - 1) * width) / 2;
  const y = ((zoom.scale - 1) * height) / 2;
  return { scale: zoom.scale, x: Math.max(-x, Math.min(x, zoom.x)), y: Math.max(-y, Math.min(y, zoom.y)) };
}
