import type { TFunction } from "i18next";
import type { ChatSummary } from "@/domain/engine";
import type { Decision, Target } from "@/domain/forward_guard/forward_guard";
import type { Formats } from "../common/formats";

export function targetOf(chat: Pick<ChatSummary, "roomId" | "kind">): Target {
  return { roomId: chat.roomId, isGroup: chat.kind !== "direct" && chat.kind !== "notes" };
}

/** Where something may still go, or why no further and from when it may again: one or two plain sentences; none for a person's own words. */
export function describeLimit(decision: Decision, t: TFunction, formats: Formats): string {
  if (decision.kind === "own") return "";
  const { chatsLeft, groupsLeft, chatsFreeAt, groupsFreeAt } = decision;
  const again = (at: number | undefined) => (at === undefined ? "" : t("forward.free_at", { time: formats.dateTime(at) }));
  const sentences = chatsLeft === 0 ? [t("forward.none_left"), again(chatsFreeAt)] : [t("forward.left", { count: chatsLeft }), ...(groupsLeft === 0 ? [t("forward.no_groups"), again(groupsFreeAt)] : [t("forward.one_group")])];
  return sentences.filter((sentence) => sentence !== "").join(" ");
}
