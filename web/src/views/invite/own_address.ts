/** This client's address without what stands behind `#`: where links of ours lead. */
export function ownAddress(): string {
  return location.href.split("#", 1)[0] ?? location.origin;
}

/** Whether the system has a sheet to hand something to another app. */
export function mayShare(): boolean {
  return typeof navigator.share === "function";
}

export async function share(link: string): Promise<void> {
  // A sheet that is closed without choosing an app is no failure.
  await navigator.share({ url: link }).catch(() => undefined);
}
