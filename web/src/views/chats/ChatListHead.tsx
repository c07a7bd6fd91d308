import { MessageCirclePlus, Search, Settings, Star, X } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import { useReadable } from "../use_readable";
import { Avatar } from "../common/Avatar";
import { IconButton } from "../common/IconButton";
import { Menu, type MenuEntry } from "../common/Menu";
import css from "./ChatList.module.css";

export interface ChatListHeadProps {
  readonly isPage: boolean;
  readonly title: string;
  readonly onOpenSettings: () => void;
  readonly onNew: () => void;
  readonly onStarred: () => void;
  readonly accountEntries?: readonly MenuEntry[];
}

/** One's own picture with the accounts behind it, and the way to a new chat. */
export function ChatListHead({ isPage, title, onOpenSettings, onNew, onStarred, accountEntries }: ChatListHeadProps) {
  const Heading = isPage ? "h1" : "h2";
  const { t } = useTranslation();
  const engine = useEngine();
  const profile = useReadable(engine.profile);
  return (
    <div className={css.head}>
      <Menu
        align="start"
        trigger={<button type="button" className={css.me} aria-label={t("chats.my_account", { name: profile.name })}><Avatar id={profile.userId} name={profile.name} {...(profile.avatar ? { source: profile.avatar } : {})} size={36} /></button>}
        entries={[{ key: "settings", label: t("chats.settings"), icon: Settings, onSelect: onOpenSettings }, { key: "starred", label: t("info.starred"), icon: Star, onSelect: onStarred }, ...(accountEntries ?? [])]}
      />
      <Heading className={css.title}>{title}</Heading>
      <IconButton label={t("new_chat.title_people")} icon={MessageCirclePlus} onClick={onNew} />
    </div>
  );
}

export interface ChatSearchProps {
  readonly words: string;
  readonly onWords: (words: string) => void;
  readonly onDown: () => void;
  readonly onEnter: () => void;
}

export function ChatSearch({ words, onWords, onDown, onEnter }: ChatSearchProps) {
  const { t } = useTranslation();
  return (
    <div className={css.search} role="search">
      <Search size={18} aria-hidden="true" />
      <input
        type="search"
        dir="auto"
        className={css.words}
        aria-label={t("chats.search")}
        placeholder={t("chats.search")}
        value={words}
        onChange={(event) => onWords(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape" && words) { event.stopPropagation(); onWords(""); }
          if (event.key === "ArrowDown") { event.preventDefault(); onDown(); }
          if (event.key === "Enter") onEnter();
        }}
      />
      {words && <IconButton label={t("ui.clear")} icon={X} iconSize={18} onClick={() => onWords("")} />}
    </div>
  );
}
