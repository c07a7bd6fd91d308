import { Star } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import { Dialog } from "../common/Dialog";
import { EmptyState } from "../common/EmptyState";
import { Waiting } from "../common/Waiting";
import { MessageLine } from "../info/MessageLine";
import { useLoaded } from "../info/use_loaded";
import { useReadable } from "../use_readable";

/** What one has starred, in all chats; each line leads to its place. */
export function StarredDialog({ onClose, onOpenMessage }: { readonly onClose: () => void; readonly onOpenMessage: (roomId: string, eventId: string) => void }) {
  const { t } = useTranslation();
  const engine = useEngine();
  const chats = useReadable(engine.chats);
  const messages = useLoaded(() => engine.loadStarred(), engine.userId);
  return (
    <Dialog open onOpenChange={onClose} title={t("info.starred")}>
      {messages === "loading" ? <Waiting sentence={t("info.kept_loading")} />
        : messages === "failed" || messages.length === 0 ? <EmptyState icon={Star} title={t("info.no_starred")}>{t("info.no_starred_text")}</EmptyState>
          : messages.map((message) => (
            <MessageLine
              key={message.id}
              message={message}
              chat={chats.find(({ roomId }) => roomId === message.roomId)?.name}
              onOpen={(eventId) => { onClose(); onOpenMessage(message.roomId, eventId); }}
            />
          ))}
    </Dialog>
  );
}
