import { Pin, Star } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import { EmptyState } from "../common/EmptyState";
import { Waiting } from "../common/Waiting";
import { useReadable } from "../use_readable";
import { MessageLine } from "./MessageLine";
import { useLoaded } from "./use_loaded";

const SHOWN_MAX = 200;

/** What one has starred, or the chat's pinned messages; the newest first. */
export function KeptMessagesPage({ roomId, kind, onOpenEvent }: { readonly roomId: string; readonly kind: "starred" | "pinned"; readonly onOpenEvent: (eventId: string) => void }) {
  const { t } = useTranslation();
  const engine = useEngine();
  const ids = useReadable(engine.care(roomId).details)[kind];
  const messages = useLoaded(async () => {
    const found = await Promise.all(ids.slice(-SHOWN_MAX).map((eventId) => engine.openChat(roomId).message(eventId).catch(() => undefined)));
    return found.filter((each) => each !== undefined).reverse();
  }, `${roomId} ${ids.join(" ")}`);
  if (messages === "loading") return <Waiting sentence={t("info.kept_loading")} />;
  if (messages === "failed" || messages.length === 0) return <EmptyState icon={kind === "starred" ? Star : Pin} title={t(`info.no_${kind}`)}>{t(`info.no_${kind}_text`)}</EmptyState>;
  return <>{messages.map((message) => <MessageLine key={message.id} message={message} onOpen={onOpenEvent} />)}</>;
}
