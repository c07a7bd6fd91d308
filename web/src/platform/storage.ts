/** Whether the browser keeps what this site stores even when the disk is nearly full. */
export type Persistence = "kept" | "may-go" | "unknown";

export async function readPersistence(): Promise<Persistence> {
  if (navigator.storage?.persisted === undefined) return "unknown";
  return (await navigator.storage.persisted()) ? "kept" : "may-go";
}

export async function askForPersistence(): Promise<Persistence> {
  if (navigator.storage?.persist === undefined) return "unknown";
  return (await navigator.storage.persist()) ? "kept" : "may-go";
}

/** Bytes of the app itself, which the service worker keeps. */
export async function measureApp(): Promise<number> {
  let bytes = 0;
  try {
    for (const name of await caches.keys()) {
      const cache = await caches.open(name);
      for (const request of await cache.keys()) bytes += Number((await cache.match(request))?.headers.get("content-length")) || 0;
    }
  } catch {
    return bytes;
  }
  return bytes;
}
