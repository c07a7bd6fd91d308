import { useVirtualizer } from "@tanstack/react-virtual";
import { useDeferredValue, useMemo, useRef, useState } from "react";
import { EllipsisVertical } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import type { Member } from "@/domain/engine";
import { sortMembers } from "@/domain/people_members";
import { roleOf, type RoomPowers } from "@/domain/room_powers";
import { Avatar } from "../common/Avatar";
import { ConfirmDialog } from "../common/Dialog";
import { IconButton } from "../common/IconButton";
import { Menu } from "../common/Menu";
import { PersonText } from "../common/PersonText";
import { TextField } from "../common/TextField";
import { useShowProblem } from "../common/Toasts";
import { TrustMark } from "../common/TrustMark";
import { useReadable } from "../use_readable";
import { buildMemberMenu, type AskedDeed } from "./member_menu";
import css from "./info.module.css";

const ROW_REM = 3.75;

/** Everybody in a room, also in one of many thousands. */
export function MembersPage({ roomId, onPerson }: { readonly roomId: string; readonly onPerson: (userId: string) => void }) {
  const { t } = useTranslation();
  const engine = useEngine();
  const showProblem = useShowProblem();
  const chat = engine.openChat(roomId);
  const members = useReadable(chat.members);
  const { powers } = useReadable(engine.care(roomId).details);
  const [words, setWords] = useState("");
  const [asked, setAsked] = useState<AskedDeed | null>(null);
  const deferred = useDeferredValue(words);
  const shown = useMemo(() => sortMembers(members, powers, deferred), [members, powers, deferred]);
  const scroller = useRef<HTMLDivElement>(null);
  const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
  // oxlint-disable-next-line react/incompatible-library -- it changes inside; rows get what they show as properties
  const virtualizer = useVirtualizer({ count: shown.length, getScrollElement: () => scroller.current, estimateSize: () => ROW_REM * rem, overscan: 8, getItemKey: (at) => shown[at]?.userId ?? at });
  const act = (deed: AskedDeed) => {
    const { userId } = deed.member;
    const doing = deed.deed === "level" ? chat.setPowerLevel(userId, deed.level) : chat[deed.deed](userId);
    doing.catch(showProblem);
  };
  return <>
    <div className={css.search}><TextField hideLabel label={t("info.search_members")} placeholder={t("info.search_members")} type="search" value={words} onChange={(event) => setWords(event.target.value)} /></div>
    {shown.length === 0 && <p className={css.notice} role="status">{t("info.nobody")}</p>}
    <div ref={scroller} className={css.scroller}>
      <ul className={css.list} style={{ blockSize: virtualizer.getTotalSize() }} aria-label={t("info.members")}>
        {virtualizer.getVirtualItems().map((item) => {
          const member = shown[item.index];
          if (!member) return null;
          const menu = buildMemberMenu(member, powers, engine.userId, t, (deed) => (deed.confirms ? setAsked(deed) : act(deed)));
          return (
            <li key={item.key} className={css.item} style={{ blockSize: item.size, transform: `translateY(${item.start}px)` }} aria-setsize={shown.length} aria-posinset={item.index + 1} data-member={member.userId}>
              <div className={css.memberRow}>
                <button type="button" className={css.person} onClick={() => onPerson(member.userId)}><MemberWords member={member} powers={powers} isMe={member.userId === engine.userId} /></button>
                {menu.length > 0 && <Menu trigger={<IconButton label={t("info.member_menu", { name: member.name })} icon={EllipsisVertical} />} entries={menu} />}
              </div>
            </li>
          );
        })}
      </ul>
    </div>
    {asked && (
      <ConfirmDialog
        open
        onOpenChange={() => setAsked(null)}
        title={t(`info.${asked.deed}_title`, { name: `\u2068${asked.member.name}\u2069` })}
        description={t(`info.${asked.deed}_text`)}
        confirm={t(`info.${asked.deed}`)}
        danger={asked.deed !== "level"}
        onConfirm={() => act(asked)}
      />
    )}
  </>;
}

function MemberWords({ member, powers, isMe }: { readonly member: Member; readonly powers: RoomPowers; readonly isMe: boolean }) {
  const { t } = useTranslation();
  const role = roleOf(member.powerLevel, powers.usersDefault);
  return <>
    <Avatar id={member.userId} name={member.name} size={40} {...(member.avatar && member.membership === "join" ? { source: member.avatar } : {})} />
    <span className={css.words}>
      <span className={css.personName}><PersonText>{member.name}</PersonText>{isMe && ` (${t("chat.you")})`}</span>
      <bdi dir="ltr" className={css.quiet}>{member.userId}</bdi>
    </span>
    {member.membership !== "join" ? <span className={css.badge}>{t(`info.member_${member.membership}`)}</span> : (role === "admin" || role === "moderator" || role === "creator") && <span className={css.badge}>{t(`info.role_${role}`)}</span>}
    {!isMe && <TrustMark trust={member.trust} />}
  </>;
}
