import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { Waiting } from "@/views/common/Waiting";
import { navigate } from "./navigation";

const InfoPane = lazy(async () => ({ default: (await import("@/views/info/InfoPane")).InfoPane }));

const ChatSearchPane = lazy(async () => ({ default: (await import("@/views/search/ChatSearchPane")).ChatSearchPane }));

/** The search of a chat; where there is room for one pane only it makes way for the message that was chosen. */
export function RoomSearch({ roomId, onClose, onOpenMessage }: { readonly roomId: string; readonly onClose: () => void; readonly onOpenMessage: (roomId: string, eventId: string) => void }) {
  const { t } = useTranslation();
  return (
    <Suspense fallback={<Waiting sentence={t("search.opening")} />}>
      <ChatSearchPane key={roomId} roomId={roomId} onClose={onClose} onOpenEvent={(eventId) => { if (matchMedia("(width < 720px)").matches) onClose(); onOpenMessage(roomId, eventId); }} />
    </Suspense>
  );
}

/** The third pane; what it shows is loaded when it is first opened. */
export function RoomInfo({ roomId, onClose, onThreads }: { readonly roomId: string; readonly onClose: () => void; readonly onThreads: () => void }) {
  const { t } = useTranslation();
  const open = (room: string, eventId?: string) => navigate({ page: "target", target: { kind: "room", room, via: [], ...(eventId === undefined ? {} : { eventId }) } });
  return (
    <Suspense fallback={<Waiting sentence={t("info.opening")} />}>
      <InfoPane
        key={roomId}
        roomId={roomId}
        onClose={onClose}
        onThreads={onThreads}
        onOpenChat={(room) => { onClose(); open(room); }}
        onOpenEvent={(eventId) => { if (matchMedia("(width < 720px)").matches) onClose(); open(roomId, eventId); }}
        onLeft={() => { onClose(); navigate({ page: "home" }); }}
      />
    </Suspense>
  );
}
