import type { Page } from "playwright-core";

const STILL_FRAMES = 10;

/** Waits until nothing on the page changes or moves any more. It counts frames, not milliseconds, so it holds on a slow machine too. */
export function settle(page: Page): Promise<void> {
  return page.evaluate(async (frames) => {
    let still = 0;
    const restart = (): void => {
      still = 0;
    };
    const observer = new MutationObserver(restart);
    observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
    addEventListener("scroll", restart, true);
    await document.fonts.ready;
    const isMoving = (animation: Animation): boolean => animation.playState === "running" && Number.isFinite(animation.effect?.getComputedTiming().endTime);
    for (; still < frames; still += 1) {
      await new Promise(requestAnimationFrame);
      if (document.getAnimations().some(isMoving)) restart();
    }
    observer.disconnect();
    removeEventListener("scroll", restart, true);
  }, STILL_FRAMES);
}
