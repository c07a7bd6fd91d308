import { createContext, useContext } from "react";
import type { Chat } from "@/domain/engine";
import type { MediaSource, Message } from "@/domain/message";

/** What a message in the timeline can ask of the chat around it. The object stays the same while the chat is open, so rows need not be drawn again. */
export interface ChatActions {
  readonly chat: Chat;
  readonly myUserId: string;
  reply(message: Message): void;
  edit(message: Message): void;
  forward(messages: readonly Message[]): void;
  askDelete(messages: readonly Message[]): void;
  details(message: Message): void;
  report(message: Message): void;
  /** Opens the full emoji picker for a reaction. */
  pickReaction(message: Message, anchor: Element): void;
  react(message: Message, key: string): void;
  copy(messages: readonly Message[]): void;
  copyText(text: string): void;
  /** Puts a sticker of the timeline into one's own pack. */
  keepSticker(message: Message): void;
  select(message: Message): void;
  jump(eventId: string): void;
  /** Absent where one is in a thread already. */
  readonly openThread?: ((rootEventId: string) => void) | undefined;
  /** Says what went wrong with an action. */
  failed(problem: unknown): void;
  openPerson(userId: string): void;
  openRoom(target: string): void;
  openMedia(message: Message): void;
  /** The picture of a member, as far as members are known. */
  avatarOf(userId: string): MediaSource | undefined;
  loadedMessage(eventId: string): Message | undefined;
}

export const ChatActionsContext = createContext<ChatActions | null>(null);

export function useChatActions(): ChatActions {
  const actions = useContext(ChatActionsContext);
  if (!actions) throw new Error("ChatActionsContext is missing");
  return actions;
}
