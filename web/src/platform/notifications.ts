/** What the browser shows outside of the page: notifications, a number on the app's icon. */

export interface ShownNotification {
  readonly title: string;
  readonly body: string;
  /** A later one of the same chat takes this one's place. */
  readonly roomId: string;
  readonly hash: string;
  readonly silent: boolean;
}

export type NotificationPermissionState = "granted" | "denied" | "default" | "unsupported";

export function notificationPermission(): NotificationPermissionState {
  return "Notification" in globalThis ? Notification.permission : "unsupported";
}

export async function askForNotifications(): Promise<NotificationPermissionState> {
  return "Notification" in globalThis ? await Notification.requestPermission() : "unsupported";
}

const ICON = "/_zajil/icons/zajil-192.png";

/** Through the service worker where there is one: phones show no others, and those outlive the page. */
export async function showNotification({ title, body, roomId, hash, silent }: ShownNotification): Promise<void> {
  if (notificationPermission() !== "granted") return;
  const options = { body, tag: roomId, icon: ICON, badge: ICON, data: { hash }, silent, renotify: true, dir: "auto" } as NotificationOptions;
  const registration = await navigator.serviceWorker?.getRegistration().catch(() => undefined);
  if (registration?.active) return registration.showNotification(title, options);
  const { renotify: _renotify, ...plain } = options as NotificationOptions & { renotify: boolean };
  const shown = new Notification(title, plain);
  shown.addEventListener("click", () => {
    window.focus();
    location.hash = hash;
    shown.close();
  });
}

/** Takes back what was shown of a chat that is read now. */
export async function closeNotifications(roomId: string): Promise<void> {
  const registration = await navigator.serviceWorker?.getRegistration().catch(() => undefined);
  for (const shown of (await registration?.getNotifications({ tag: roomId }).catch(() => [])) ?? []) shown.close();
}

/** A click on a notification opens its chat in the page that is already there. */
export function onNotificationClick(listener: (hash: string) => void): () => void {
  const onMessage = (event: MessageEvent): void => {
    const data: unknown = event.data;
    if (typeof data === "object" && data !== null && "openHash" in data && typeof data.openHash === "string") listener(data.openHash);
  };
  navigator.serviceWorker?.addEventListener("message", onMessage);
  return () => navigator.serviceWorker?.removeEventListener("message", onMessage);
}

/** The number of unread messages beside the app's icon and before the title of the tab. */
export function showUnread(count: number, title: string): void {
  document.title = count > 0 ? `(${count}) ${title}` : title;
  if (count > 0) void navigator.setAppBadge?.(count).catch(() => undefined);
  else void navigator.clearAppBadge?.().catch(() => undefined);
}

export function isLookedAt(): boolean {
  return document.visibilityState === "visible" && document.hasFocus();
}
