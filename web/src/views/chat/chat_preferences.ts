import { Store } from "@/domain/store";

export interface ChatPreferences {
  /** Enter sends and Shift+Enter makes a new line; false: Enter makes a line, Ctrl/Cmd+Enter sends. */
  readonly enterSends: boolean;
  readonly background: "feathers" | "plain" | "dusk";
}

/** What the person chose about chats; the app fills it from what it keeps on the device, settings change it. */
export const chatPreferences = new Store<ChatPreferences>({ enterSends: true, background: "feathers" });
