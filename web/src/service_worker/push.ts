/// <reference lib="webworker" />
import { PUSH_TEXTS_CACHE, PUSH_TEXTS_PATH } from "@/platform/push";

/** What a push says: which chat and how many messages are unread; never what they say. */
interface PushContent {
  readonly roomId: string;
  readonly unread: number;
}

const ICON = "/_zajil/icons/zajil-192.png";
const DATA_LENGTH_MAX = 4_096;
/** A page that is open knows more than we do and is given time to say it. */
const PAGE_WAIT_MS = 1_500;

export function parsePush(text: string): PushContent {
  try {
    const value: unknown = JSON.parse(text.slice(0, DATA_LENGTH_MAX));
    if (typeof value !== "object" || value === null) return { roomId: "", unread: 1 };
    const { room_id: roomId, unread } = value as Record<string, unknown>;
    return { roomId: typeof roomId === "string" && roomId.startsWith("!") && roomId.length <= 255 ? roomId : "", unread: typeof unread === "number" && Number.isSafeInteger(unread) && unread >= 0 ? unread : 1 };
  } catch {
    return { roomId: "", unread: 1 };
  }
}

async function loadTexts(): Promise<Readonly<Record<string, string>>> {
  const kept = await (await caches.open(PUSH_TEXTS_CACHE)).match(PUSH_TEXTS_PATH);
  try {
    return ((await kept?.json()) ?? {}) as Record<string, string>;
  } catch {
    return {};
  }
}

export async function showPush(worker: ServiceWorkerGlobalScope, data: PushMessageData | null): Promise<void> {
  const { roomId, unread } = parsePush(data?.text() ?? "");
  await setBadge(worker.navigator, unread);
  const pages = await worker.clients.matchAll({ type: "window" });
  if (pages.some((page) => page.focused)) return;
  if (unread === 0) {
    // Read on another device: what is still shown is out of date.
    for (const shown of await worker.registration.getNotifications()) shown.close();
  }
  if (pages.length > 0) {
    await new Promise((resolve) => setTimeout(resolve, PAGE_WAIT_MS));
    if ((await worker.registration.getNotifications({ tag: roomId })).length > 0) return;
  }
  const texts = await loadTexts();
  const body = unread === 0 ? (texts["read"] ?? "") : (texts["body"] ?? "");
  await worker.registration.showNotification(texts["title"] ?? "Zajil", { body, tag: roomId || "zajil", icon: ICON, badge: ICON, silent: unread === 0, data: { hash: roomId === "" ? "#/" : `#/room/${encodeURIComponent(roomId)}` } });
}

async function setBadge(navigator: WorkerNavigator, unread: number): Promise<void> {
  const icons = navigator as WorkerNavigator & { setAppBadge?(count: number): Promise<void>; clearAppBadge?(): Promise<void> };
  await (unread > 0 ? icons.setAppBadge?.(unread) : icons.clearAppBadge?.())?.catch(() => undefined);
}

/** Opens the chat in the page that is there, or in a new one. */
export async function openFromNotification(worker: ServiceWorkerGlobalScope, data: unknown): Promise<void> {
  const hash = typeof data === "object" && data !== null && "hash" in data && typeof data.hash === "string" && data.hash.startsWith("#/") ? data.hash : "#/";
  const pages = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
  const page = pages.find((each) => each.visibilityState === "visible") ?? pages[0];
  if (page === undefined) {
    await worker.clients.openWindow(`/${hash}`);
    return;
  }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker's client takes none
  page.postMessage({ openHash: hash });
  await page.focus();
}
