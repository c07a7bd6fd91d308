import { useEffect, useEffectEvent, useState } from "react";
import { ArrowLeft, EllipsisVertical, Info, MessageCirclePlus, Network, Plus, Star, StarOff, Unlink } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import type { CommunityRoom } from "@/domain/communities";
import type { NewGroup } from "@/domain/engine";
import { may } from "@/domain/room_powers";
import { Avatar } from "../common/Avatar";
import { Button } from "../common/Button";
import { Dialog } from "../common/Dialog";
import { EmptyState } from "../common/EmptyState";
import { IconButton } from "../common/IconButton";
import { Menu } from "../common/Menu";
import { PersonText } from "../common/PersonText";
import { showToast, useShowProblem } from "../common/Toasts";
import { Waiting } from "../common/Waiting";
import { NewGroupForm } from "../chats/NewGroupForm";
import { useReadable } from "../use_readable";
import { AddChatDialog } from "./AddChatDialog";
import css from "./community.module.css";

export interface CommunityPageProps {
  readonly roomId: string;
  readonly onBack?: (() => void) | undefined;
  readonly onInfo: () => void;
  readonly onOpenChat: (roomId: string) => void;
}

/** A community's chats: those we are in, and those we may join. */
export function CommunityPage({ roomId, onBack, onInfo, onOpenChat }: CommunityPageProps) {
  const { t } = useTranslation();
  const engine = useEngine();
  const summary = useReadable(engine.openChat(roomId).summary);
  const { topic, powers } = useReadable(engine.care(roomId).details);
  const { rooms, reload } = useRooms(roomId);
  const [open, setOpen] = useState<"add" | "new" | null>(null);
  const mayChange = may(powers, "children");
  const close = () => { setOpen(null); reload(); };
  return (
    <main className={css.view} aria-label={t("community.label", { name: summary.name })} data-community={roomId}>
      <header className={css.bar}>
        {onBack && <IconButton label={t("ui.back")} icon={ArrowLeft} mirrored onClick={onBack} />}
        <button type="button" className={css.who} onClick={onInfo} title={t("chat.info")}>
          <Avatar id={roomId} name={summary.name} size={40} shape="square" {...(summary.avatar ? { source: summary.avatar } : {})} />
          <span className={css.words}><h1 className={css.title}><PersonText>{summary.name}</PersonText></h1><span className={css.quiet}>{t("chat.members", { count: summary.membersCount })}</span></span>
        </button>
        <IconButton label={t("chat.info")} icon={Info} onClick={onInfo} />
      </header>
      <div className={css.scroller}>
        <div className={css.paper}>
          {topic && <p className={css.topic} dir="auto">{topic}</p>}
          {mayChange && <div className={css.buttons}>
            <Button variant="primary" icon={MessageCirclePlus} onClick={() => setOpen("new")} data-community-do="new">{t("community.new_chat")}</Button>
            <Button icon={Plus} onClick={() => setOpen("add")} data-community-do="add">{t("community.add_chat")}</Button>
          </div>}
          {rooms === null ? <Waiting sentence={t("community.loading")} /> : rooms.length === 0 ? <EmptyState icon={Network} title={t("community.empty")}>{mayChange ? t("community.empty_text") : undefined}</EmptyState> : (
            <ul className={css.rooms} aria-label={t("community.chats")}>
              {rooms.map((room) => <Room key={room.roomId} room={room} communityId={roomId} mayChange={mayChange} onOpenChat={onOpenChat} onChanged={reload} />)}
            </ul>
          )}
        </div>
      </div>
      {open === "add" && <AddChatDialog communityId={roomId} known={rooms ?? []} onClose={close} />}
      {open === "new" && <NewChat communityId={roomId} onClose={close} onOpenChat={onOpenChat} />}
    </main>
  );
}

function useRooms(communityId: string): { readonly rooms: readonly CommunityRoom[] | null; reload(): void } {
  const engine = useEngine();
  const showProblem = useShowProblem();
  const chats = useReadable(engine.chats);
  const [rooms, setRooms] = useState<readonly CommunityRoom[] | null>(null);
  // Which chats we are in, and which belong here: when that changes, the server is asked again.
  const mine = chats.filter((chat) => chat.parents.includes(communityId)).map((chat) => `${chat.roomId} ${chat.membership}`).sort().join(" ");
  const load = useEffectEvent(() => void engine.communities.load(communityId).then(setRooms, (problem: unknown) => { setRooms((before) => before ?? []); showProblem(problem); }));
  useEffect(() => load(), [communityId, mine]);
  const reload = () => void engine.communities.load(communityId).then(setRooms, showProblem);
  return { rooms, reload };
}

interface RoomProps {
  readonly room: CommunityRoom;
  readonly communityId: string;
  readonly mayChange: boolean;
  readonly onOpenChat: (roomId: string) => void;
  readonly onChanged: () => void;
}

function Room({ room, communityId, mayChange, onOpenChat, onChanged }: RoomProps) {
  const { t } = useTranslation();
  const engine = useEngine();
  const showProblem = useShowProblem();
  const [isBusy, setBusy] = useState(false);
  const isIn = room.membership === "join";
  const name = room.name === "" ? t("invite.nameless") : room.name;
  const join = () => {
    setBusy(true);
    engine.join(room.roomId, room.via).then((result) => {
      if (result === "joined") onOpenChat(room.roomId);
      else showToast({ text: t("shell.knocked") });
    }, showProblem).finally(() => setBusy(false));
  };
  const change = (work: Promise<void>) => void work.then(onChanged, showProblem);
  return (
    <li className={css.room} data-community-room={room.roomId}>
      <button type="button" className={css.open} disabled={!isIn} onClick={() => onOpenChat(room.roomId)}>
        <Avatar id={room.roomId} name={name} size={44} shape={room.isCommunity ? "square" : "round"} {...(room.avatar ? { source: room.avatar } : {})} />
        <span className={css.words}>
          <span className={css.name}><PersonText>{name}</PersonText></span>
          <span className={css.quiet}>{t("chat.members", { count: room.membersCount })}{room.suggested && ` · ${t("community.suggested")}`}</span>
          {room.topic && <bdi className={css.quiet}>{room.topic.slice(0, 140)}</bdi>}
        </span>
      </button>
      {!isIn && <Button variant="primary" busy={isBusy && t("invite.accepting")} onClick={join} data-community-do="join">{room.access === "knock" ? t("invite.knock") : t("invite.join")}</Button>}
      {mayChange && <Menu trigger={<IconButton label={t("community.chat_menu", { name })} icon={EllipsisVertical} />} entries={[
        { key: "suggest", label: room.suggested ? t("community.unsuggest") : t("community.suggest"), icon: room.suggested ? StarOff : Star, onSelect: () => change(engine.communities.setSuggested(communityId, room.roomId, !room.suggested)) },
        { key: "remove", label: t("community.remove"), icon: Unlink, danger: true, onSelect: () => change(engine.communities.remove(communityId, room.roomId)) },
      ]} />}
    </li>
  );
}

function NewChat({ communityId, onClose, onOpenChat }: { readonly communityId: string; readonly onClose: () => void; readonly onOpenChat: (roomId: string) => void }) {
  const { t } = useTranslation();
  const engine = useEngine();
  const showProblem = useShowProblem();
  const [isBusy, setBusy] = useState(false);
  const create = (group: NewGroup) => {
    setBusy(true);
    engine.communities.createChat(communityId, group).then((roomId) => { onClose(); onOpenChat(roomId); }, (problem: unknown) => { setBusy(false); showProblem(problem); });
  };
  return (
    <Dialog open onOpenChange={onClose} title={t("community.new_chat")} description={t("community.new_chat_text")}>
      {isBusy ? <Waiting sentence={t("new_chat.making")} /> : <NewGroupForm kind="group" withoutAccess onCreate={create} />}
    </Dialog>
  );
}
