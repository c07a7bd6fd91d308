import type { Page } from "playwright-core";

/**
 * What is wider than the place it has, and so is cut or has to be pushed aside to be read (WCAG 2.2, 1.4.10: not down to 320 px).
 * Rows that are made for pushing say so with `data-pushed`; names that end in "…" are read whole elsewhere.
 */
export async function findOverflow(page: Page): Promise<readonly string[]> {
  return await page.evaluate(() => {
    const isShown = (element: Element): boolean => element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && element.closest("[aria-hidden=true], [data-pushed]") === null;
    const isCut = (element: Element): boolean => {
      if (element.scrollWidth <= element.clientWidth + 1 || element.clientWidth <= 1) return false;
      const { overflowX, textOverflow } = getComputedStyle(element);
      return overflowX !== "visible" && textOverflow !== "ellipsis";
    };
    /** The innermost thing that sticks out. */
    const findCause = (element: Element): string => {
      const { left, right } = element.getBoundingClientRect();
      const out = [...element.querySelectorAll("*")].filter((each) => each.getBoundingClientRect().right > right + 1 || each.getBoundingClientRect().left < left - 1);
      const inner = out.find((each) => !out.some((other) => other !== each && each.contains(other)));
      return inner === undefined ? "" : ` because of ${inner.outerHTML.slice(0, 120)}`;
    };
    const all = [document.documentElement, ...document.querySelectorAll("body *:not(svg *, textarea, input, pre)")];
    return all.filter((element) => isCut(element) && isShown(element)).map((element) => `wider than its place by ${element.scrollWidth - element.clientWidth} px: ${element.outerHTML.slice(0, 120)}${findCause(element)}`);
  });
}
