import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import type { CommunityRoom } from "@/domain/communities";
import { Avatar } from "../common/Avatar";
import { Dialog } from "../common/Dialog";
import { PersonText } from "../common/PersonText";
import { useShowProblem } from "../common/Toasts";
import { useReadable } from "../use_readable";
import css from "./community.module.css";

/** Puts chats that exist into a community. Who may enter them stays as it is. */
export function AddChatDialog({ communityId, known, onClose }: { readonly communityId: string; readonly known: readonly CommunityRoom[]; readonly onClose: () => void }) {
  const { t } = useTranslation();
  const engine = useEngine();
  const showProblem = useShowProblem();
  const chats = useReadable(engine.chats);
  const inside = new Set([communityId, ...known.map(({ roomId }) => roomId)]);
  const candidates = chats.filter((chat) => chat.membership === "join" && chat.kind !== "direct" && chat.kind !== "notes" && !inside.has(chat.roomId) && !chat.parents.includes(communityId));
  return (
    <Dialog open onOpenChange={onClose} title={t("community.add_chat")} description={t("community.add_text")}>
      {candidates.length === 0 && <p>{t("community.nothing_to_add")}</p>}
      <div className={css.choices}>
        {candidates.map((chat) => (
          <button key={chat.roomId} type="button" className={css.open} data-add-chat={chat.roomId} onClick={() => void engine.communities.add(communityId, chat.roomId).then(onClose, showProblem)}>
            <Avatar id={chat.roomId} name={chat.name} size={40} {...(chat.avatar ? { source: chat.avatar } : {})} />
            <PersonText className={css.name}>{chat.name}</PersonText>
          </button>
        ))}
      </div>
    </Dialog>
  );
}
