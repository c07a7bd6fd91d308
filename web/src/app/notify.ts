import type { Notifications } from "@/domain/notifications";
import { Problem } from "@/domain/problem";
import { askForNotifications, closeNotifications, isLookedAt, notificationPermission, onNotificationClick, showNotification, showUnread } from "@/platform/notifications";
import { currentSubscription, hasWebPush, storePushTexts, subscribe, unsubscribe } from "@/platform/push";
import { playSound } from "@/platform/sounds";

export { closeNotifications, isLookedAt, notificationPermission, onNotificationClick, playSound, showNotification, showUnread, storePushTexts };

/** Asks the browser; fails with what to do if it refuses. */
export async function allowNotifications(): Promise<void> {
  const answer = await askForNotifications();
  if (answer === "unsupported") throw new Problem("notify_unsupported");
  if (answer !== "granted") throw new Problem("notify_denied");
}

export type PushState = "on" | "off" | "unsupported";

export async function pushState(): Promise<PushState> {
  if (!hasWebPush()) return "unsupported";
  return (await currentSubscription()) === undefined ? "off" : "on";
}

/** Has the server wake this browser while no page is open. */
export async function startPush(notifications: Notifications, language: string): Promise<void> {
  await allowNotifications();
  if (!hasWebPush()) throw new Problem("push_unsupported");
  const { key } = await notifications.loadKey();
  let subscription;
  try {
    subscription = await subscribe(key);
  } catch (error) {
    // The browser's own push service is missing, blocked or does not answer.
    throw new Problem("push_failed", {}, error);
  }
  await notifications.register(subscription, language);
}

export async function stopPush(notifications: Notifications): Promise<void> {
  const subscription = await currentSubscription();
  if (subscription === undefined) return;
  await notifications.unregister(subscription.publicKey);
  await unsubscribe();
}
