import { useTranslation } from "react-i18next";
import type { Member } from "@/domain/engine";
import { Avatar } from "../common/Avatar";
import { PersonText } from "../common/PersonText";
import css from "./MentionList.module.css";

export function MentionList({ id, members, active, onChoose }: { readonly id: string; readonly members: readonly Member[]; readonly active: number; readonly onChoose: (member: Member) => void }) {
  const { t } = useTranslation();
  return (
    <div id={id} role="listbox" aria-label={t("composer.mentions")} className={css.list}>
      {members.map((member, at) => (
        <div key={member.userId} id={`${id}-${at}`} role="option" tabIndex={-1} aria-selected={at === active} className={css.option} onPointerDown={(event) => { event.preventDefault(); onChoose(member); }}>
          <Avatar id={member.userId} name={member.name} {...(member.avatar ? { source: member.avatar } : {})} size={32} />
          <PersonText className={css.name}>{member.name}</PersonText>
          <bdi dir="ltr" className={css.id}>{member.userId}</bdi>
        </div>
      ))}
    </div>
  );
}
