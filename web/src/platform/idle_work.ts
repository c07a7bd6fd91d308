/** The longest that small steps may hold up the page before it gets its turn again. */
const SLICE_MS_MAX = 12;

/** Does small things one after the other while the page stays free: a slice at a time, with a pause after each. */
export class IdleWork {
  readonly #steps: (() => void)[] = [];
  #at = 0;
  #running: Promise<void> | undefined;

  add(step: () => void): void {
    this.#steps.push(step);
    this.#running ??= this.#run();
  }

  /** Fulfilled when nothing is waiting any more. */
  async done(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async #run(): Promise<void> {
    await pause();
    while (this.#at < this.#steps.length) {
      const until = performance.now() + SLICE_MS_MAX;
      while (this.#at < this.#steps.length && performance.now() < until) this.#take();
      if (this.#at < this.#steps.length) await pause();
    }
    this.#steps.length = 0;
    this.#at = 0;
    this.#running = undefined;
  }

  #take(): void {
    const step = this.#steps[this.#at++];
    try {
      step?.();
    } catch (error) {
      console.error("a step of background work failed", error);
    }
  }
}

/** Where browsers tell urgent from other work, all that the page does goes first. */
function pause(): Promise<void> {
  const { scheduler } = globalThis as { readonly scheduler?: { postTask(task: () => void, options: { readonly priority: "background" }): Promise<void> } };
  return scheduler === undefined ? new Promise((done) => setTimeout(done)) : scheduler.postTask(() => undefined, { priority: "background" });
}
