import { X } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Avatar } from "@/views/common/Avatar";
import { IconButton } from "@/views/common/IconButton";
import { useReadable } from "@/views/use_readable";
import { useEngine } from "./engine_context";
import css from "./home.module.css";

const MEMBERS_SHOWN_MAX = 200;

/** Who is in the chat. */
export function RoomInfo({ roomId, onClose, onOpenPerson }: { readonly roomId: string; readonly onClose: () => void; readonly onOpenPerson: (userId: string) => void }) {
  const { t } = useTranslation();
  const chat = useEngine().openChat(roomId);
  const summary = useReadable(chat.summary);
  const members = useReadable(chat.members);
  return (
    <section className={css.info}>
      <div className={css.bar}>
        <h2 className={css.name}><bdi>{summary.name}</bdi></h2>
        <IconButton label={t("ui.close")} icon={X} onClick={onClose} />
      </div>
      <ul className={css.members}>
        {members.filter((each) => each.membership === "join").slice(0, MEMBERS_SHOWN_MAX).map((member) => (
          <li key={member.userId}>
            <button type="button" className={css.member} onClick={() => onOpenPerson(member.userId)}>
              <Avatar name={member.name} id={member.userId} source={member.avatar} />
              <bdi>{member.name}</bdi>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
