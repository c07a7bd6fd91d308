import type { Message } from "@/domain/message";

/** What the composer is for just now. */
export type ComposerMode = { readonly type: "new" } | { readonly type: "reply" | "edit"; readonly message: Message };

export function replyTarget(mode: ComposerMode): { readonly replyTo?: string } {
  return mode.type === "reply" && mode.message.eventId ? { replyTo: mode.message.eventId } : {};
}
