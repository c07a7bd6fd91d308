/** Installs the service worker, where the browser has one. The app works without. */
export async function registerServiceWorker(): Promise<void> {
  if (!("serviceWorker" in navigator)) return;
  try {
    await navigator.serviceWorker.register("/service_worker.js");
  } catch (error) {
    console.warn("No service worker: the app will not start without the server.", error);
  }
}
