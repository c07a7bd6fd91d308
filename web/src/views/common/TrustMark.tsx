import { useTranslation } from "react-i18next";
import type { Person } from "@/domain/engine";
import css from "./TrustMark.module.css";

/** One, two or three dots: unknown, known, verified. The number says it too, for those who see no colours. */
export function TrustMark({ trust }: { readonly trust: Person["trust"] }) {
  const { t } = useTranslation();
  const dots = trust === "verified" ? 3 : trust === "known" ? 2 : 1;
  return (
    <span className={`${css.mark} ${css[trust] ?? ""}`} role="img" aria-label={t(`trust.${trust}`)} title={t(`trust.${trust}`)}>
      {[1, 2, 3].map((dot) => <span key={dot} className={dot <= dots ? css.full : css.empty} />)}
    </span>
  );
}
