/// <reference lib="webworker" />
import { openFromNotification, showPush } from "./push";

/**
 * Keeps the app itself (never anything of an account) so that it starts without the server.
 * Built as one classic script; `__BUILT_FILES__` are the names of all files of the same build, which have their content's hash in their name.
 */
declare const __BUILT_FILES__: readonly string[];
declare const self: ServiceWorkerGlobalScope;

const CACHE = "zajil-app";
const PAGE = "/";
const ASSETS = "/_zajil/web/";
/** How long a start waits for the server's page before it takes the kept one. */
const PAGE_WAIT_MS_MAX = 2_000;

async function install(): Promise<void> {
  const cache = await caches.open(CACHE);
  const kept = new Set((await cache.keys()).map((request) => new URL(request.url).pathname));
  // Hashed names never change their content: only what is new is fetched. The page comes last: it must not name files that are not there.
  await cache.addAll(__BUILT_FILES__.filter((file) => !kept.has(file)));
  await cache.add(new Request(PAGE, { cache: "reload" }));
  await self.skipWaiting();
}

/** What browsers have that can answer by themselves, without waking the worker first (WICG Service Worker Static Routing). */
interface RoutingEvent {
  addRoutes?(rules: readonly { readonly condition: { readonly urlPattern: { readonly pathname: string }; readonly requestMethod: string }; readonly source: { readonly cacheName: string } }[]): Promise<void>;
}

/** Hashed files come straight from the cache; those that are not there, from the server. */
async function routeAssets(event: ExtendableEvent & RoutingEvent): Promise<void> {
  await event.addRoutes?.([{ condition: { urlPattern: { pathname: `${ASSETS}*` }, requestMethod: "get" }, source: { cacheName: CACHE } }]).catch(() => undefined);
}

async function activate(): Promise<void> {
  // The page is asked for while the worker wakes.
  await self.registration.navigationPreload?.enable();
  const cache = await caches.open(CACHE);
  const wanted = new Set([PAGE, ...__BUILT_FILES__]);
  for (const request of await cache.keys()) if (!wanted.has(new URL(request.url).pathname)) await cache.delete(request);
  await self.clients.claim();
}

/** The server's page if it answers soon, else the kept one; a late answer is kept for the next start. */
async function answerPage({ request, preloadResponse }: FetchEvent): Promise<Response> {
  const cache = await caches.open(CACHE);
  const fromServer = askServer(request, preloadResponse).then(async (response) => {
    if (response.ok) await cache.put(PAGE, response.clone());
    return response;
  });
  const kept = await cache.match(PAGE);
  if (kept === undefined) return await fromServer;
  const late = new Promise<Response>((resolve) => setTimeout(() => resolve(kept), PAGE_WAIT_MS_MAX));
  return await Promise.race([fromServer.catch(() => kept), late]);
}

async function askServer(request: Request, preloaded?: Promise<Response | undefined>): Promise<Response> {
  return (await preloaded?.catch(() => undefined)) ?? (await fetch(request));
}

async function answerAsset(request: Request): Promise<Response> {
  return (await (await caches.open(CACHE)).match(request)) ?? (await fetch(request));
}

self.addEventListener("install", (event) => event.waitUntil(Promise.all([install(), routeAssets(event)])));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== self.location.origin) return;
  if (url.pathname === PAGE) event.respondWith(answerPage(event));
  else if (url.pathname.startsWith(ASSETS)) event.respondWith(answerAsset(event.request));
});

self.addEventListener("push", (event) => event.waitUntil(showPush(self, event.data)));
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(openFromNotification(self, event.notification.data));
});
