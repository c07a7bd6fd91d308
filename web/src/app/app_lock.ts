import { AppLock } from "@/domain/app_lock";
import { askForWipe, derivePin, isWipeAsked, loadLock, makeSalt, storeLock, watchUse, watchWipe, wipe } from "@/platform/lock";
import { Accounts } from "@/protocol/accounts";
import { endSession } from "@/protocol/session_tokens";

/** The lock of this device; there before anything is drawn. */
export const appLock = new AppLock({ load: loadLock, store: storeLock, derive: derivePin, makeSalt, now: Date.now });

export function startLock(): void {
  watchWipe();
  watchUse({ used: () => appLock.noteUse(), hidden: () => appLock.noteHidden(), tick: () => appLock.tick() });
}

/** Deletes everything this device keeps and ends its sessions; there is no way back. */
export function panicWipe(): void {
  askForWipe();
}

/** Finishes a wipe that was asked for, before anything is opened; true if there was one: the page begins anew then. */
export async function finishWipe(): Promise<boolean> {
  if (!isWipeAsked()) return false;
  await wipe(async () => {
    const accounts = await Accounts.open();
    const sessions = await accounts.list();
    accounts.close();
    await Promise.allSettled(sessions.map(endSession));
  });
  return true;
}
