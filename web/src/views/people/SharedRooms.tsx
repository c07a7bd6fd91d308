import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import { Avatar } from "../common/Avatar";
import { PersonText } from "../common/PersonText";
import { InfoSection } from "../info/parts";
import { useLoaded } from "../info/use_loaded";
import css from "../info/info.module.css";
import { useReadable } from "../use_readable";

const SHOWN_MAX = 20;

/** Groups that both are in; nothing where there are none. */
export function SharedRooms({ userId, onOpenChat }: { readonly userId: string; readonly onOpenChat: (roomId: string) => void }) {
  const { t } = useTranslation();
  const engine = useEngine();
  const chats = useReadable(engine.chats);
  const ids = useLoaded(() => engine.people.loadSharedRooms(userId), userId);
  if (!Array.isArray(ids)) return null;
  const shared = chats.filter((chat) => ids.includes(chat.roomId) && chat.kind !== "direct");
  if (shared.length === 0) return null;
  return (
    <InfoSection title={t("info.shared", { count: shared.length })}>
      <ul className={css.plainList}>
        {shared.slice(0, SHOWN_MAX).map((chat) => (
          <li key={chat.roomId}>
            <button type="button" className={css.person} onClick={() => onOpenChat(chat.roomId)}>
              <Avatar id={chat.roomId} name={chat.name} size={36} shape={chat.kind === "community" ? "square" : "round"} {...(chat.avatar ? { source: chat.avatar } : {})} />
              <PersonText className={css.personName}>{chat.name}</PersonText>
            </button>
          </li>
        ))}
      </ul>
    </InfoSection>
  );
}
