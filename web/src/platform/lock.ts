/** What the app lock needs of the browser. The record must be there before anything is drawn, so it is in the one storage that answers at once. */

const RECORD = "zajil.lock";
const WIPE = "zajil.wipe";

export function loadLock(): unknown {
  try {
    return JSON.parse(localStorage.getItem(RECORD) ?? "null");
  } catch {
    return null;
  }
}

export function storeLock(record: object | null): void {
  if (record === null) localStorage.removeItem(RECORD);
  else localStorage.setItem(RECORD, JSON.stringify(record));
}

function encode(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

function decode(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

export function makeSalt(): string {
  return encode(crypto.getRandomValues(new Uint8Array(16)));
}

/** PBKDF2 with SHA-256. */
export async function derivePin(pin: string, salt: string, iterations: number): Promise<string> {
  const key = await crypto.subtle.importKey("raw", new TextEncoder().encode(pin), "PBKDF2", false, ["deriveBits"]);
  return encode(new Uint8Array(await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt: decode(salt), iterations }, key, 256)));
}

/** Calls back when the device is used, when the page goes out of sight, and now and then. Returns the function that ends it. */
export function watchUse(listeners: { readonly used: () => void; readonly hidden: () => void; readonly tick: () => void }): () => void {
  const options = { capture: true, passive: true } as const;
  const seen = (): void => (document.visibilityState === "hidden" ? listeners.hidden() : listeners.tick());
  const used = (): void => {
    // After a long sleep the first touch must not count as use before the lock has looked at the clock.
    listeners.tick();
    listeners.used();
  };
  for (const name of ["pointerdown", "keydown", "wheel"]) window.addEventListener(name, used, options);
  document.addEventListener("visibilitychange", seen);
  const timer = setInterval(listeners.tick, 10_000);
  return () => {
    for (const name of ["pointerdown", "keydown", "wheel"]) window.removeEventListener(name, used, options);
    document.removeEventListener("visibilitychange", seen);
    clearInterval(timer);
  };
}

/**
 * Has everything deleted that this device keeps. The page is loaded anew first: nothing is open then, and a wipe that is interrupted goes on
 * at the next start, because the mark stays until all is gone.
 */
export function askForWipe(): void {
  localStorage.setItem(WIPE, "1");
  location.replace("/");
}

/** Other tabs must let go of the databases too. */
export function watchWipe(): void {
  window.addEventListener("storage", (event) => {
    if (event.key === WIPE && event.newValue !== null) location.replace("/");
  });
}

export function isWipeAsked(): boolean {
  try {
    return localStorage.getItem(WIPE) !== null;
  } catch {
    return false;
  }
}

const LOG_OUT_MS_MAX = 3_000;

/** `endSessions` gets a moment and no more: wiping must not depend on the network. */
export async function wipe(endSessions: () => Promise<unknown>): Promise<void> {
  await Promise.race([endSessions().catch(() => undefined), new Promise((resolve) => setTimeout(resolve, LOG_OUT_MS_MAX))]);
  const registration = await navigator.serviceWorker?.getRegistration().catch(() => undefined);
  const subscription = await registration?.pushManager?.getSubscription().catch(() => null);
  await subscription?.unsubscribe().catch(() => false);
  const names = (await indexedDB.databases()).flatMap(({ name }) => (name === undefined ? [] : [name]));
  await Promise.all(names.map(deleteDatabase));
  for (const name of await caches.keys().catch(() => [])) await caches.delete(name);
  await registration?.unregister();
  sessionStorage.clear();
  localStorage.clear();
}

function deleteDatabase(name: string): Promise<void> {
  return new Promise((done) => {
    const request = indexedDB.deleteDatabase(name);
    request.addEventListener("success", () => done());
    request.addEventListener("error", () => done());
  });
}
