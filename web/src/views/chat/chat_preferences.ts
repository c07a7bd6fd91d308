import { Store } from "@/domain/store";

export interface ChatPreferences {
  /** Enter sends and Shift+Enter makes a new line; false: Enter makes a line, Ctrl/Cmd+Enter sends. */
  readonly enterSends: boolean;
  readonly background: "feathers" | "plain" | "dusk";
  /** Links in encrypted chats are previewed without being asked: the server then learns their addresses. */
  readonly linkPreviews: boolean;
}

/** What the person chose about chats; the app fills it from what it keeps on the device, settings change it. */
export const chatPreferences = new Store<ChatPreferences>({ enterSends: true, background: "feathers", linkPreviews: false });
