import type { ReactNode } from "react";
import { Languages, Moon, Sun } from "lucide-react";
import { useTranslation } from "react-i18next";
import { setLanguage, setTheme } from "@/app/appearance";
import { currentLanguage, LANGUAGE_NAMES } from "@/i18n/language";
import { IconButton } from "@/views/common/IconButton";
import { Pigeon } from "@/views/common/Pigeon";
import css from "./ArriveFrame.module.css";

/** Around everything that comes before the chats: the mark, one sentence, the switches, and a sheet with one thing to do. */
export function ArriveFrame({ children }: { readonly children: ReactNode }) {
  const { t } = useTranslation();
  const other = currentLanguage() === "ar" ? "en" : "ar";
  const isDark = getComputedStyle(document.documentElement).colorScheme === "dark" || (document.documentElement.dataset["theme"] === undefined && matchMedia("(prefers-color-scheme: dark)").matches);
  return (
    <div className={css.page}>
      <header className={css.top}>
        <span className={css.brand}><Pigeon size={36} /><span>{t("app.name")}</span></span>
        <span className={css.switches}>
          <IconButton label={isDark ? t("arrive.themeLight") : t("arrive.themeDark")} icon={isDark ? Sun : Moon} onClick={() => setTheme(isDark ? "light" : "dark")} />
          <button type="button" className={css.language} lang={other} onClick={() => void setLanguage(other)}>
            <Languages size={18} aria-hidden="true" />
            {LANGUAGE_NAMES[other]}
          </button>
        </span>
      </header>
      <main className={css.middle}>
        <div className={css.sheet}>{children}</div>
        <p className={css.promise}>{t("arrive.promise")}</p>
      </main>
    </div>
  );
}
