import { useTranslation } from "react-i18next";
import type { ChatSummary, Member } from "@/domain/engine";
import { useFormats } from "../common/locale";
import { useNow } from "../common/use_now";
import { describeLastSeen } from "./last_seen";

/** The line under a chat's name: who types, last seen, how many members. */
export function useStatusLine(summary: ChatSummary, peer: Member | undefined): string {
  const { t } = useTranslation();
  const formats = useFormats();
  const now = useNow();
  if (summary.typing.length === 1) return summary.kind === "direct" ? t("chat.typing") : t("chat.typing_one", { name: `\u2068${summary.typing[0]}\u2069` });
  if (summary.typing.length > 1) return t("chat.typing_some", { count: summary.typing.length });
  if (summary.kind === "notes") return t("chat.notes_status");
  if (summary.kind === "direct") {
    if (peer?.presence?.online) return t("chat.online");
    if (peer?.presence?.lastSeenAt) return describeLastSeen(peer.presence.lastSeenAt, now, formats, t);
    return summary.encrypted ? t("chat.encrypted") : t("chat.not_encrypted");
  }
  if (summary.kind === "channel") return t("chat.subscribers", { count: summary.membersCount });
  return t("chat.members", { count: summary.membersCount });
}
