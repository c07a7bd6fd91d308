/** Web Push: the browser's own messages to the service worker, also while no page is open. */

export interface PushSubscriptionKeys {
  readonly endpoint: string;
  readonly publicKey: string;
  readonly auth: string;
}

/** What the service worker says when it has been woken: it has no texts of its own. */
export const PUSH_TEXTS_CACHE = "zajil-push";
export const PUSH_TEXTS_PATH = "/_zajil/push-texts.json";

export function hasWebPush(): boolean {
  return "serviceWorker" in navigator && "PushManager" in globalThis;
}

function encode(buffer: ArrayBuffer | null): string {
  return btoa(String.fromCharCode(...new Uint8Array(buffer ?? new ArrayBuffer(0)))).replace(/\+/gu, "-").replace(/\//gu, "_").replace(/=+$/u, "");
}

function decode(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replace(/-/gu, "+").replace(/_/gu, "/")), (character) => character.charCodeAt(0));
}

function describe(subscription: PushSubscription): PushSubscriptionKeys {
  return { endpoint: subscription.endpoint, publicKey: encode(subscription.getKey("p256dh")), auth: encode(subscription.getKey("auth")) };
}

function isSame(one: ArrayBuffer | null, other: Uint8Array): boolean {
  const bytes = new Uint8Array(one ?? new ArrayBuffer(0));
  return bytes.length === other.length && bytes.every((byte, at) => byte === other[at]);
}

export async function currentSubscription(): Promise<PushSubscriptionKeys | undefined> {
  if (!hasWebPush()) return undefined;
  const registration = await navigator.serviceWorker.getRegistration();
  const subscription = await registration?.pushManager.getSubscription();
  return subscription ? describe(subscription) : undefined;
}

/** Subscribes with the server's key; one made for another key is of no use and is given up. Fails where the browser has no push service. */
export async function subscribe(serverKey: string): Promise<PushSubscriptionKeys> {
  const registration = await navigator.serviceWorker.ready;
  const key = decode(serverKey);
  const existing = await registration.pushManager.getSubscription();
  if (existing && isSame(existing.options.applicationServerKey, key)) return describe(existing);
  await existing?.unsubscribe();
  return describe(await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key }));
}

export async function unsubscribe(): Promise<void> {
  const registration = await navigator.serviceWorker?.getRegistration();
  await (await registration?.pushManager.getSubscription())?.unsubscribe();
}

/** Leaves the sentences for the service worker, in the language of the page. */
export async function storePushTexts(texts: Readonly<Record<string, string>>): Promise<void> {
  if (!("caches" in globalThis)) return;
  const cache = await caches.open(PUSH_TEXTS_CACHE);
  await cache.put(PUSH_TEXTS_PATH, new Response(JSON.stringify(texts), { headers: { "content-type": "application/json" } }));
}
