/** The longest that work may hold up the page before the page gets its turn again. */
const SLICE_MS_MAX = 12;

/** Lets pieces of work go one after the other, with a pause for the page whenever a slice of time is used up. */
export class Turns {
  #last: Promise<void> = Promise.resolve();
  #sliceEnds = 0;

  /** Fulfilled when the caller may do its piece. */
  next(): Promise<void> {
    this.#last = this.#last.then(async () => {
      if (performance.now() < this.#sliceEnds) return;
      await giveWay();
      this.#sliceEnds = performance.now() + SLICE_MS_MAX;
    });
    return this.#last;
  }
}

/** By a message, not a timer: timers of hidden pages run once a second. */
function giveWay(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.addEventListener("message", () => {
      port1.close();
      resolve();
    });
    port1.start();
    port2.postMessage(null);
  });
}
