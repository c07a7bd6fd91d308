import type { ReactNode } from "react";
import { Direction } from "radix-ui";
import { useTranslation } from "react-i18next";
import { LAYERS } from "./layers";
import { LiveRegion } from "./LiveRegion";
import { Toasts } from "./Toasts";

/** Around the whole app: direction for the pieces that move by arrow keys, toasts and the live region. Import `base.css` once beside it. */
export function UiRoot({ children }: { readonly children: ReactNode }) {
  const { t, i18n } = useTranslation();
  return (
    <Direction.Provider dir={i18n.dir()}>
      {children}
      <LiveRegion />
      <section id={LAYERS} aria-label={t("ui.menus")} />
      <Toasts />
    </Direction.Provider>
  );
}
