/** Held by one tab at a time: two tabs with one account's keys would destroy them. */
export interface TabLock {
  release(): void;
}

/** A page that is loaded anew may meet its own former self, which lets go a moment later. */
const RELEASE_MS_MAX = 1_500;

/**
 * Takes the lock `name`, from another tab if `steal`. Null if another tab has it. `onStolen` is called when another tab takes it from us.
 * Without the Web Locks API (pages without TLS) everybody gets it.
 */
export async function takeTabLock(name: string, steal: boolean, onStolen: () => void): Promise<TabLock | null> {
  if (navigator.locks === undefined) return { release() {} };
  return await new Promise((resolve, reject) => {
    navigator.locks
      .request(name, steal ? { steal: true } : { signal: AbortSignal.timeout(RELEASE_MS_MAX) }, async () => {
        await new Promise<void>((release) => resolve({ release }));
      })
      .catch((error: unknown) => {
        // Stolen while held; before it is held it is a failure of the request.
        if (error instanceof DOMException && error.name === "TimeoutError") resolve(null);
        else if (error instanceof DOMException && error.name === "AbortError") onStolen();
        else reject(error as Error);
      });
  });
}
