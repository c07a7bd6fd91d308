import { useTranslation } from "react-i18next";
import type { Person } from "@/domain/engine";
import { classNames } from "../common/class_names";
import { TrustMark } from "../common/TrustMark";
import css from "./trust.module.css";

const LEVELS: readonly Person["trust"][] = ["unknown", "known", "verified"];

/** The three levels in words, with the one that holds marked. */
export function TrustLevels({ level }: { readonly level: Person["trust"] }) {
  const { t } = useTranslation();
  return (
    <ul className={css.levels}>
      {LEVELS.map((each) => (
        <li key={each} className={classNames(css.level, each === level && css.held)} aria-current={each === level ? "true" : undefined}>
          <TrustMark trust={each} />
          <span><strong>{t(`trust.${each}`)}</strong><br />{t(`trust.${each}_means`)}</span>
        </li>
      ))}
    </ul>
  );
}
