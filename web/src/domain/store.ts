/** A value that changes over time. `get` returns the same object until the value changes, so React can compare it. */
export interface Readable<T> {
  get(): T;
  /** Calls `listener` after every change; returns the function that ends it. */
  subscribe(listener: () => void): () => void;
}

/** A Readable that its owner sets. */
export class Store<T> implements Readable<T> {
  #value: T;
  readonly #listeners = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get = (): T => this.#value;

  /** Whether anybody listens. */
  get isWatched(): boolean {
    return this.#listeners.size > 0;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of [...this.#listeners]) listener();
  }

  update(change: (value: T) => T): void {
    this.set(change(this.#value));
  }
}

/** Fulfilled when the value is so, or after `waitMsMax`; tells which. */
export function untilHolds<T>(readable: Readable<T>, holds: (value: T) => boolean, waitMsMax: number): Promise<boolean> {
  return new Promise((done) => {
    const end = (held: boolean): void => {
      clearTimeout(timer);
      stop();
      done(held);
    };
    const timer = setTimeout(() => end(false), waitMsMax);
    const stop = readable.subscribe(() => void (holds(readable.get()) && end(true)));
    if (holds(readable.get())) end(true);
  });
}
