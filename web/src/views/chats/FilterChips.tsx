import { useTranslation } from "react-i18next";
import { useFormats } from "../common/locale";
import type { ChatFilter } from "./chat_filter";
import css from "./FilterChips.module.css";

export function FilterChips({ filter, folders, unread, onFilter }: { readonly filter: ChatFilter; readonly folders: readonly string[]; readonly unread: number; readonly onFilter: (filter: ChatFilter) => void }) {
  const { t } = useTranslation();
  const formats = useFormats();
  const chips: readonly { readonly value: ChatFilter; readonly label: string; readonly count?: number }[] = [
    { value: "all", label: t("chats.filter_all") },
    { value: "unread", label: t("chats.filter_unread"), count: unread },
    { value: "groups", label: t("chats.filter_groups") },
    { value: "channels", label: t("chats.filter_channels") },
    ...folders.map((folder) => ({ value: `folder:${folder}` as const, label: folder })),
  ];
  return (
    <div className={css.chips} data-pushed role="group" aria-label={t("chats.filters")}>
      {chips.map((chip) => (
        <button key={chip.value} type="button" className={css.chip} aria-pressed={filter === chip.value} onClick={() => onFilter(filter === chip.value ? "all" : chip.value)}>
          <bdi>{chip.label}</bdi>{chip.count ? <span>{formats.number(chip.count)}</span> : null}
        </button>
      ))}
    </div>
  );
}
