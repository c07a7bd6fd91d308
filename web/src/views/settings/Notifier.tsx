import { useEffect, useEffectEvent } from "react";
import { useTranslation } from "react-i18next";
import { notifyHere } from "@/app/device_settings";
import { useEngine } from "@/app/engine_context";
import { closeNotifications, isLookedAt, onNotificationClick, playSound, showNotification, showUnread, storePushTexts } from "@/app/notify";
import { buildRoute } from "@/domain/invite_link";
import { countUnread, type Incoming } from "@/domain/notifications";
import { SentWatch, soundOf } from "@/domain/sounds";
import { usePreview } from "../chat/use_preview";
import { useReadable } from "../use_readable";
import { useNow } from "./use_now";

export interface NotifierProps {
  /** The chat that is open. */
  readonly roomId: string | null;
  /** Chats behind the PIN: nothing of them is told but that something came. */
  readonly isHidden: (roomId: string) => boolean;
  readonly onOpen: (hash: string) => void;
}

/** Tells of what comes in while the app runs, keeps the number of unread messages in the title, and opens what is clicked. Draws nothing. */
export function Notifier({ roomId, isHidden, onOpen }: NotifierProps) {
  const { t, i18n } = useTranslation();
  const { chats: readable, own } = useEngine();
  const preview = usePreview();
  const unread = countUnread(useReadable(readable), useNow());
  useEffect(() => showUnread(unread, t("app.name")), [unread, t]);
  useEffect(() => {
    void storePushTexts({ title: t("app.name"), body: t("settings.push_body"), read: t("settings.push_read") }).catch(() => undefined);
  }, [i18n.language, t]);
  useEffect(() => {
    if (roomId !== null) void closeNotifications(roomId);
  }, [roomId]);
  const tell = useEffectEvent((incoming: Incoming) => {
    const here = notifyHere.get();
    const isSeen = isLookedAt() && incoming.roomId === roomId;
    if (isSeen) return;
    // Sounds need nobody's leave, and have switches of their own.
    const sound = soundOf(incoming, here.sounds);
    if (sound !== undefined) playSound(sound);
    // Whoever looks at the app sees the list move; the browser's notification is for those who do not.
    if (!here.isOn || isLookedAt()) return;
    const isSecret = here.preview === "nothing" || isHidden(incoming.roomId);
    const words = incoming.message ? preview(incoming.message.body) : t("settings.push_invite");
    const body = isSecret ? t("settings.push_body") : here.preview === "name" ? t("settings.push_new") : incoming.isDirect ? words : t("settings.push_said", { name: incoming.senderName, words });
    void showNotification({
      title: isSecret ? t("app.name") : incoming.isDirect ? incoming.senderName : incoming.chatName,
      body,
      roomId: incoming.roomId,
      hash: buildRoute({ kind: "room", room: incoming.roomId, via: [] }),
      silent: true,
    }).catch(() => undefined);
  });
  const isSentHeard = useReadable(notifyHere).sounds.sent;
  useEffect(() => {
    if (!isSentHeard) return;
    const watch = new SentWatch();
    watch.take(readable.get());
    return readable.subscribe(() => { if (watch.take(readable.get())) playSound("sent"); });
  }, [readable, isSentHeard]);
  const open = useEffectEvent(onOpen);
  useEffect(() => own.notifications.listen((incoming) => tell(incoming)), [own]);
  useEffect(() => onNotificationClick((hash) => open(hash)), []);
  return null;
}
