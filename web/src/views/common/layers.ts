export const LAYERS = "layers";

/** Where menus are drawn: a landmark of its own, so that screen readers find them among the page's regions. */
export function layersElement(): HTMLElement | null {
  return document.getElementById(LAYERS);
}
